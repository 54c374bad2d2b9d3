"""Table of model families: which method and objective runs on which.

    python -m benchmarks.model_families [--families NAME ...] [--results FILE] [--write FILE]

Trains a tiny model of each family, with random weights, by each method for a few steps, on a CPU.
A cell is "ran" if the loss on held-out examples fell, or the reason of a refusal. Also compares the
base model's loss with the plain model's, on single sequences without padding. --results keeps the
cells between calls, so that the families can be run in parts; --write puts the table in a document.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from benchmarks.families import ENCODERS, FAMILIES, config_of, random_weights
from benchmarks.tiny_inputs import inputs_in, make_tokenizer
from trainables.config.trial import TrialConfig
from trainables.core.data_error import said
from trainables.core.errors import ModelError, RefusedError
from trainables.core.evaluation import Evaluation, Monitor, Verdict
from trainables.data.tokens.examples import Example, Examples
from trainables.data.tokens.examples import write as write_examples
from trainables.data.tokens.sequences import TokenSequence
from trainables.lanes.lane import Entry
from trainables.lanes.loop import Lanes
from trainables.models.fit import misfits
from trainables.models.skeleton import skeleton
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.workshop import Workshop

METHODS: Mapping[str, float] = {
    "full": 3e-3,
    "lora": 1e-2,
    "qlora": 1e-2,
    "adapter": 1e-2,
    "prefix": 1e-1,
    "freeze": 3e-3,
}
"""Learning rates: a prefix starts far larger than its updates."""

OBJECTIVES = ("sft", "classification")

BASE = TrialConfig.model_validate(
    {
        "model": "tiny",
        "data": {"train": "made here"},
        "precision": "fp32",
        "budget": {"steps": 12, "evaluations": 1},
        "batch_size": 8,
        "micro_batch_size": 4,
        "lora": {"rank": 4},
        "adapter": {"size": 8},
        "prefix": {"virtual_tokens": 4},
        "freeze": {"last_blocks": 1},
        "warmup_fraction": 0.1,
    }
)

LANES = "lanes"
"""The column with the difference of a LoRA trial's loss in a lane, beside another, from its loss by
transformers' Trainer."""

AGREEMENT = "loss"
"""The column with the largest difference from the plain model's loss."""

_APART = 2e-4
"""Rounding in float32 after 12 steps at a high learning rate."""

_TOLERANCE = 2e-5
"""Rounding in float32 of a mean loss, over kernels of different shapes."""

_FIRST, _WORDS = 3, 8
"""The first word of the data, and the number of words of each kind of sequence."""

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"

Cells = dict[str, str]
"""`family|objective|column` -> result."""


class _Last(Monitor):
    """Keeps the last evaluation."""

    loss = float("nan")

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep its loss."""
        self.loss = evaluation.metrics["eval_loss"]
        return Verdict()


def main() -> None:
    """Run the families, and print or write the tables."""
    options = _options()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    cells: Cells = json.loads(options.results.read_text()) if _exists(options.results) else {}
    for family in options.families:
        with tempfile.TemporaryDirectory() as folder:
            found = run(family, Path(folder))
        cells |= found
        print(family, "; ".join(f"{key.partition('|')[2]}: {cell}" for key, cell in found.items()))
        if options.results:
            options.results.write_text(json.dumps(cells, indent=1))
    text = "\n".join(tables(cells))
    if options.write:
        write(options.write, text)
    else:
        print(text)


def run(
    family: str,
    folder: Path,
    methods: Iterable[str] = tuple(METHODS),
    objectives: Iterable[str] = OBJECTIVES,
) -> Cells:
    """The cells of one family, with its model and data in an empty folder."""
    warnings.simplefilter("ignore")
    model = make_family(family, folder / "model")
    cells: Cells = {}
    for objective in objectives:
        config = BASE.with_params({"objective": objective, "model": str(model)})
        make_data(folder / objective, objective)
        try:
            bare = skeleton(config.model_source, objective, config.learns.has_head)
        except ModelError as error:
            refusal = f"refused: {str(error).partition(', as objective')[0].partition(' ')[2]}"
            told = refusal.replace(str(model), "the model")
            cells |= {f"{family}|{objective}|{name}": told for name in methods}
            continue
        assert bare is not None, "the families are in transformers"
        workshop = Workshop(inputs_in(folder / objective, objective, model))
        cells[f"{family}|{objective}|{AGREEMENT}"] = _agreement(workshop, config, folder)
        for name in methods:
            params = {"method": name, "learning_rate": METHODS[name]}
            cell = _cell(workshop, config.with_params(params), bare)
            cells[f"{family}|{objective}|{name}"] = cell
        cells[f"{family}|{objective}|{LANES}"] = _in_lanes(workshop, config)
    return cells


def make_family(family: str, folder: Path) -> Path:
    """Write a random model of the family and a tokenizer of as many words."""
    torch.manual_seed(0)
    kind = AutoModelForMaskedLM if family in ENCODERS else AutoModelForCausalLM
    model = kind.from_config(config_of(family))
    random_weights(model)
    model.save_pretrained(folder)
    make_tokenizer(folder)
    return folder


def make_data(folder: Path, objective: str) -> None:
    """Sequences in which each word decides the next, in three kinds with words of their own."""
    for name, count, seed in (("train", 48, 1), ("validation", 12, 2)):
        rng = np.random.default_rng(seed)
        examples = [_example(objective, number % 3, rng) for number in range(count)]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_examples(folder / name, examples)


def _example(objective: str, kind: int, rng: np.random.Generator) -> Example:
    start, length = int(rng.integers(_WORDS)), int(rng.integers(6, 20))
    tokens = [_FIRST + kind * _WORDS + (start + 3 * place) % _WORDS for place in range(length)]
    learned = objective == "sft"
    sequence = TokenSequence.of(tokens, [learned] * length)
    return Example((sequence,)) if learned else Example((sequence,), float(kind))


def _cell(workshop: Workshop, config: TrialConfig, bare: PreTrainedModel) -> str:
    problems = misfits(bare, config)
    if problems:
        return f"refused: {problems[0].message}"
    last = _Last()
    try:
        before = workshop.measure_base(config).metrics["eval_loss"]
        workshop.train(config, last)
    except RefusedError as error:
        return f"FAILED: refused only by the trial: {error}"
    except Exception as error:  # noqa: BLE001 - the error is the result
        return f"FAILED: {type(error).__name__}: {said(error)}"
    fell = last.loss < before
    return "ran" if fell else f"FAILED: loss {before:.4f} before, {last.loss:.4f} after"


def _in_lanes(workshop: Workshop, config: TrialConfig) -> str:
    config = config.with_params({"method": "lora", "learning_rate": METHODS["lora"]})
    other = config.with_params({"lora.rank": 2, "seed": 5, "batch_size": 4})
    beside, alone = _Last(), _Last()
    why: list[str] = []

    def entry(config: TrialConfig, last: _Last) -> Entry:
        go_alone = lambda found: why.append(str(found))  # noqa: E731
        return Entry(config, last, NO_CHECKPOINTS, lambda _: None, _raised, go_alone)

    waiting = [entry(other, _Last())]
    try:
        Lanes(workshop, 2).run(entry(config, beside), lambda: waiting.pop() if waiting else None)
        workshop.train(config, alone)
    except Exception as error:  # noqa: BLE001 - the error is the result
        return f"FAILED: {type(error).__name__}: {said(error)}"
    if why:
        return f"refused: {why[0]}"
    apart = abs(beside.loss - alone.loss)
    return f"{apart:.0e}" if apart < _APART else f"FAILED: {beside.loss}, not {alone.loss}"


def _raised(error: Exception) -> None:
    raise error


def _agreement(workshop: Workshop, config: TrialConfig, folder: Path) -> str:
    """The largest difference between losses: the plain model's, and ours in micro-batches of 1 and
    8, with a tokenizer that pads on the right or on the left."""
    left = folder / "left"
    tokenizer = AutoTokenizer.from_pretrained(config.model, padding_side="left")
    tokenizer.save_pretrained(left)
    other = Workshop(replace(workshop.inputs, tokenizer=str(left)))
    measured = [
        each.measure_base(config.with_params({"micro_batch_size": size})).metrics["eval_loss"]
        for each in (workshop, other)
        for size in (1, 8)
    ]
    truth = plain_loss(workshop, config)
    most = max(abs(loss - truth) for loss in measured)
    return f"{most:.0e}" if most < _TOLERANCE else f"FAILED: {measured} are not {truth}"


@torch.no_grad()
def plain_loss(workshop: Workshop, config: TrialConfig) -> float:
    """The validation loss by transformers alone, sequence by sequence."""
    inputs = workshop.inputs
    examples = Examples(inputs.validation)
    if not config.learns.has_head:
        model = AutoModelForCausalLM.from_pretrained(config.model).eval()
        return _mean(_language_losses(model, examples))
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(
        config.model, num_labels=len(inputs.labels)
    ).eval()
    model.config.pad_token_id = workshop.pad_id
    return _mean(_class_losses(model, examples))


def _language_losses(model: PreTrainedModel, examples: Examples) -> Iterator[torch.Tensor]:
    for place in range(len(examples)):
        tokens, targets = examples[place].sequences[0]
        ids = torch.tensor(tokens, dtype=torch.long)[None]
        scores = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        losses = -scores.gather(1, ids[0, 1:, None])[:, 0]
        yield losses[torch.tensor(targets[1:])]


def _class_losses(model: PreTrainedModel, examples: Examples) -> Iterator[torch.Tensor]:
    for place in range(len(examples)):
        example = examples[place]
        ids = torch.tensor(example.sequences[0].tokens, dtype=torch.long)[None]
        yield -model(input_ids=ids).logits[0].log_softmax(-1)[int(example.label)][None]


def _mean(losses: Iterator[torch.Tensor]) -> float:
    return float(torch.cat(list(losses)).double().mean())


def tables(cells: Cells) -> Iterator[str]:
    """A table for each objective, and the reasons of refusals below it."""
    families = list(dict.fromkeys(key.split("|")[0] for key in cells))
    reasons: list[str] = []
    for objective in OBJECTIVES:
        columns = [*METHODS, LANES, AGREEMENT]
        yield f"#### {objective}\n"
        yield f"| | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}"
        for family in families:
            row = [
                _noted(cells.get(f"{family}|{objective}|{column}", ""), reasons)
                for column in columns
            ]
            yield f"| {family} | {' | '.join(row)} |"
        yield ""
    yield from (f"{number}. {reason}" for number, reason in enumerate(reasons, 1))


def _noted(cell: str, reasons: list[str]) -> str:
    """The cell, with its reason as a number of the list below the tables."""
    kind, _, reason = cell.partition(": ")
    if kind != "refused":
        return cell
    if reason not in reasons:
        reasons.append(reason)
    return f"refused ({reasons.index(reason) + 1})"


def write(document: Path, text: str) -> None:
    """Replace the part between the marks of a document."""
    before, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    document.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def _exists(file: Path | None) -> bool:
    return file is not None and file.exists()


def _options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--families", nargs="*", choices=tuple(FAMILIES), default=tuple(FAMILIES))
    parser.add_argument("--results", type=Path)
    parser.add_argument("--write", type=Path)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()

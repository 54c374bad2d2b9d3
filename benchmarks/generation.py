"""Answers as a trial writes them, against plain `generate`: new tokens per second, and the ratio.

    python -m benchmarks.generation [--model FOLDER --data FILE] [--method lora] [--batch-size 8]

Both write the same answers to the same prompts with the same model in one process, greedily, in
alternating rounds. *Ours* is all that a trial does: it chooses and batches prompts, generates,
cuts, decodes and scores. *Plain* is transformers' `generate` alone, in the same batches, already
padded; *as they come* has batches in the file's order. Without a GPU, seconds are processor time,
which other work on the machine lengthens little. The answers must agree. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice, permutations
from pathlib import Path
from typing import Any

import torch

from sweeps.inputs.prepare import inputs_of
from trainables.config.trial import TrialConfig
from trainables.data.tokens.prompts import Prompts
from trainables.models import tuned
from trainables.training.generation.writer import (
    in_batches,
    left_padded,
    own_stops,
    seed_of,
    until,
)
from trainables.training.workshop import Workshop

Answers = Mapping[int, Sequence[int] | int]
"""By the number of the prompt: new ids, or how many."""

Way = Callable[[], Answers]


def main() -> None:
    """Generate alternately, and compare."""
    options = _options()
    torch.set_num_threads(options.threads)
    config = _config(options)
    workshop = Workshop(inputs_of(config, Path(tempfile.mkdtemp())).inputs)
    model = workshop.lend(config)
    if options.method == "lora":
        model = tuned.attach(model, config)
    model.eval()
    plain = Plain(workshop, config, model)
    ways: dict[str, Way] = {
        "ours": lambda: _ours(workshop, config, model),
        "plain": lambda: plain.answers(plain.alike),
        "as they come": lambda: plain.answers(plain.as_they_come),
    }
    expected = _compared(ways)
    # Each way comes first, second and last equally often.
    rounds = [_round(dict(order)) for order in islice(_orders(ways), options.rounds)]
    tokens = sum(expected.values())
    print(json.dumps(_report(options, tokens, rounds), indent=1))


class Plain:
    """transformers' `generate` on prompts that lie ready in padded batches."""

    def __init__(self, workshop: Workshop, config: TrialConfig, model: Any) -> None:
        prompts, size = Prompts(workshop.inputs.validation), config.evaluation.batch_size or 1
        chosen = prompts.chosen(config.evaluation.prompts, seed_of(config))
        self._ids = {number: prompts[number].tokens.tolist() for number in chosen}
        self.alike = in_batches({n: len(ids) for n, ids in self._ids.items()}, size)
        self.as_they_come = [chosen[at : at + size] for at in range(0, len(chosen), size)]
        self._stops = {*prompts.stops, *own_stops(model)}
        self._most, self._pad = config.evaluation.max_new_tokens, workshop.pad_id
        self._model, self._device = model, workshop.device

    @torch.no_grad()
    def answers(self, batches: Sequence[Sequence[int]]) -> dict[int, list[int]]:
        """The new ids of each prompt."""
        found: dict[int, list[int]] = {}
        for batch in batches:
            inputs = left_padded([self._ids[number] for number in batch], self._pad)
            whole = self._model.generate(
                **{name: each.to(self._device) for name, each in inputs.items()},
                max_new_tokens=self._most,
                do_sample=False,
                eos_token_id=sorted(self._stops),
                pad_token_id=self._pad,
            )
            new = whole[:, inputs["input_ids"].shape[1] :].tolist()
            found |= {n: until(self._stops, ids) for n, ids in zip(batch, new, strict=True)}
        return found


def _ours(workshop: Workshop, config: TrialConfig, model: torch.nn.Module) -> dict[int, int]:
    written = workshop.written(config, model)
    assert len(written.values) == len(config.evaluation.metrics), "scored"
    return {each.prompt: each.tokens for each in written.answers}


def _compared(ways: Mapping[str, Way]) -> dict[int, int]:
    """The lengths of the answers, which warms up all ways; they must agree."""
    found = {name: _lengths(way()) for name, way in ways.items()}
    expected = found["plain"]
    assert all(lengths == expected for lengths in found.values()), found
    return expected


def _lengths(answers: Answers) -> dict[int, int]:
    return {n: ids if isinstance(ids, int) else len(ids) for n, ids in sorted(answers.items())}


def _orders(ways: Mapping[str, Way]) -> Iterator[Sequence[tuple[str, Way]]]:
    return cycle(permutations(ways.items()))


def _round(ways: Mapping[str, Way]) -> dict[str, float]:
    seconds = {}
    for name, way in ways.items():
        began = _now()
        way()
        seconds[name] = _now() - began
    return seconds


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _report(
    options: argparse.Namespace, tokens: int, rounds: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    ratios = [seconds["plain"] / seconds["ours"] for seconds in rounds]
    rates = {
        name: round(statistics.median(tokens / seconds[name] for seconds in rounds), 1)
        for name in sorted(rounds[0])
    }
    return {
        "model": options.model,
        "method": options.method,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "prompts": options.prompts,
        "batch_size": options.batch_size,
        "new_tokens": tokens,
        "tokens_per_second": rates,
        "ours_to_plain": round(statistics.median(ratios), 3),
        "least_and_most": [round(min(ratios), 3), round(max(ratios), 3)],
        "ours_to_as_they_come": round(rates["ours"] / rates["as they come"], 3),
    }


def _config(options: argparse.Namespace) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "model": options.model,
            "data": {"train": options.data, "validation": 0.2, "max_length": options.max_length},
            "method": options.method,
            "precision": "fp32",
            "evaluation": {
                "metrics": ["eval_exact_match", "eval_rouge_l", "eval_ended"],
                "prompts": options.prompts,
                "max_new_tokens": options.max_new_tokens,
                "batch_size": options.batch_size,
            },
        }
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="builtin:pydoc")
    parser.add_argument("--data", default="builtin:pydoc", help="chats, as of data.train")
    parser.add_argument("--method", choices=("full", "lora"), default="lora")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=192)
    parser.add_argument("--max-new-tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

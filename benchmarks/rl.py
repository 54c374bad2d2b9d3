"""GRPO or PPO on sums: a tiny model after sft, made here, and its exact match before and after.

    python -m benchmarks.rl --make FOLDER          # model, train.jsonl and asked.jsonl
    python -m benchmarks.rl FOLDER [--seeds 5] [--set objective=ppo] [--set rl.beta=0.01 ...]

The model is a Llama of some 100,000 weights with a token for each character. Its sft is on sums in
which most carries are forgotten, as demonstrations have errors; it answers so, too. GRPO and PPO
get the same questions with the right answers to check. The sums asked are in neither file.
Prints one JSON document: exact match and KL of each seed, and the mean gain with its standard error
over seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation, Monitor, Verdict
from trainables.data.sets.prepare import prepare
from trainables.training.inputs import Inputs
from trainables.training.workshop import Workshop

BELOW = 50
"""The numbers that are added."""

ASKED = 300
"""Sums that are asked."""

FORGOTTEN = 0.6
"""Share of the sums with a carry in which the start is shown it forgotten."""

TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'user' %}{{ message.content }}="
    "{% else %}{{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
)

START = {
    "method": "full",
    "precision": "fp32",
    "budget": {"epochs": 45, "evaluations": 1},
    "batch_size": 64,
    "micro_batch_size": 64,
    "learning_rate": 3e-3,
    "evaluation": {
        "metrics": ["eval_exact_match"],
        "prompts": ASKED,
        "max_new_tokens": 5,
        "batch_size": ASKED,
    },
}
"""The sft of the start."""


def main() -> None:
    """Make the start, or train from it."""
    options = _options()
    folder: Path = options.folder
    if options.make:
        make(folder)
    else:
        print(json.dumps(improved(folder, options.seeds, options.set), indent=1))


def make(folder: Path) -> None:
    """The files of sums, and a model that has learned some of them."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(0)
    pairs = [(a, b) for a in range(BELOW) for b in range(BELOW)]
    pairs = [pairs[place] for place in drawn.permutation(len(pairs))]
    right = [_row(a, b, a + b) for a, b in pairs]
    shown = [_row(a, b, a + b - 10 * _forgets(a, b, drawn)) for a, b in pairs]
    parts = {"asked": right[:ASKED], "train": right[ASKED:], "shown": shown[ASKED:]}
    for name, some in parts.items():
        lines = [json.dumps(row) for row in some]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    write_blank(folder / "blank")
    config = TrialConfig.model_validate(
        {**START, "model": str(folder / "blank"), "data": _files(folder, "shown")}
    )
    keep = Keep(folder / "start")
    workshop_of(config, folder).train(config, keep)
    print(f"{folder / 'start'}: exact match {keep.last['eval_exact_match']:.3f}", file=sys.stderr)


def _row(a: int, b: int, answer: int) -> dict[str, str]:
    return {"question": f"{a}+{b}", "answer": str(answer)}


def _forgets(a: int, b: int, drawn: np.random.Generator) -> bool:
    return bool(drawn.random() < FORGOTTEN) and a % 10 + b % 10 >= 10


def write_blank(folder: Path) -> None:
    """A Llama with random weights, and its tokenizer: one token for a character."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {word: n for n, word in enumerate(["<unk>", "<eos>", *"0123456789+="])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<eos>", pad_token="<unk>"
    )
    wrapped.chat_template = TEMPLATE
    wrapped.save_pretrained(folder)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=32,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)


def improved(folder: Path, seeds: int, changes: list[str]) -> dict[str, object]:
    """Exact match and KL of the start and of each seed."""
    recipe = Path(__file__).parents[1] / "sweeps" / "recipes" / "grpo-arithmetic.yaml"
    tree = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    names = ("objective", "method", "precision", "rl", "grpo", "evaluation", "micro_batch_size")
    fields = {name: tree[name] for name in names if name in tree}
    budget = {name: value for name, value in tree["budget"].items() if name != "trials"}
    own = {"model": str(folder / "start"), "data": _files(folder, "train"), "budget": budget}
    config = TrialConfig.model_validate({**fields, **own})
    config = config.with_params({**tree["search"]["first_points"][0], **_parsed(changes)})
    workshop = workshop_of(config, folder)
    start = workshop.measure_base(config).metrics
    found = []
    for seed in range(seeds):
        began = time.monotonic()
        keep = Keep(None)
        order = {"seed": seed, "data.order_seed": seed}
        outcome = workshop.train(config.with_params(order), keep)
        wanted = ("eval_exact_match", "eval_kl", "eval_reward", "train_entropy")
        figures = {name: round(keep.last[name], 4) for name in wanted}
        seconds = round(time.monotonic() - began, 1)
        found.append({"seed": seed, **figures, "ending": outcome.ending.value, "seconds": seconds})
        print(found[-1], [(round(a, 3), round(b, 3)) for a, b in keep.course], file=sys.stderr)
    gains = [each["eval_exact_match"] - start["eval_exact_match"] for each in found]
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else None
    return {
        "start": start["eval_exact_match"],
        "seeds": found,
        "gain": statistics.mean(gains),
        "standard_error": error,
    }


def workshop_of(config: TrialConfig, folder: Path) -> Workshop:
    """A workshop with the data of a trial."""
    data = prepare(config, config.model, folder / "cache")
    return Workshop(Inputs(config.model_source, data.train, data.validation))


class Keep(Monitor):
    """Keeps the last metrics, the course of exact match, and the weights in a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.last: dict[str, float] = {}
        self.course: list[tuple[float, float]] = []
        self._folder = folder

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep it."""
        self.last = dict(evaluation.metrics)
        self.course.append((self.last["eval_exact_match"], self.last.get("train_reward", 0.0)))
        return Verdict(weights=self._folder)


def _files(folder: Path, train: str) -> dict[str, object]:
    return {
        "train": str(folder / f"{train}.jsonl"),
        "validation": str(folder / "asked.jsonl"),
        "max_length": 32,
    }


def _parsed(changes: list[str]) -> dict[str, object]:
    pairs = (change.partition("=") for change in changes)
    return {name: yaml.safe_load(value) for name, _, value in pairs}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true", help="make the start and the files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="name=value of a trial's field")
    return parser.parse_args()


if __name__ == "__main__":
    main()

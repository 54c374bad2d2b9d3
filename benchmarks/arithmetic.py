"""A sweep for right sums, judged by what the model writes; its best trials are counted again.

    python -m benchmarks.arithmetic [--model FOLDER] [--trials 16] [--home FOLDER]

Sums of two numbers of two digits without a carry, written digit by digit (`1 2 + 3 4`, `4 6`), so
that a tiny model can learn them; those asked are in no training example. The sweep ranks its trials
by `eval_exact_match`. The best three are then counted again by transformers alone, which loads
their weights from disk and answers one prompt at a time. Prints one JSON document; fails if a
figure differs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from results.ranking.winners import Winner
from sweeps.sweep import Sweep, SweepResult

NUMBERS = [10 * tens + ones for tens in range(1, 5) for ones in range(5)]
"""No two of their digits add up to ten."""

ASKED = 100
"""Sums in the validation set; the other 300 are trained."""

KEPT = 3
"""Trials whose weights are kept, and whose answers are counted again."""

LONGEST = 6
"""Maximum tokens of an answer."""

PROMPT = "### User:\n{}\n\n### Assistant:\n"
"""The template `plain`, written out: the recount shares no code with the sweep."""


def main() -> None:
    """Sweep, count again, compare."""
    options = _options()
    home = options.home or Path(tempfile.mkdtemp())
    home.mkdir(parents=True, exist_ok=True)
    train, asked = written(home)
    result = Sweep.from_dict(tree(options.model, options.trials, train, asked)).launch(home)
    report = compared(result, asked)
    print(json.dumps(report, indent=1))
    for best in report["best"]:
        assert best["recounted"] == best["eval_exact_match"], "the two figures differ"


def written(folder: Path) -> tuple[Path, Path]:
    """All sums as chats, shuffled; the file to train on, and the one to ask."""
    rows = [
        {"instruction": f"{_digits(a)} + {_digits(b)}", "output": _digits(a + b)}
        for a in NUMBERS
        for b in NUMBERS
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    parts = {"asked": order[:ASKED], "train": order[ASKED:]}
    for name, places in parts.items():
        lines = (json.dumps(rows[place]) for place in places)
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "train.jsonl", folder / "asked.jsonl"


def _digits(number: int) -> str:
    return " ".join(str(number))


def tree(model: str, trials: int, train: Path, asked: Path) -> dict[str, object]:
    """The sweep file."""
    return {
        "name": "arithmetic",
        "model": model,
        "data": {"train": str(train), "validation": str(asked), "template": "plain"},
        "method": "full",
        "precision": "fp32",
        "budget": {"trials": trials, "epochs": 16, "evaluations": 3},
        "search": {"metric": "eval_exact_match", "early_stopping": "asha", "seed": 7},
        "evaluation": {"prompts": ASKED, "max_new_tokens": LONGEST, "batch_size": ASKED},
        "micro_batch_size": 64,
        "space": {
            "learning_rate": {"log_uniform": [5e-4, 2e-2]},
            "batch_size": {"choice": [16, 32, 64]},
            "schedule": {"choice": ["cosine", "wsd"]},
        },
        "slots": {"count": 1, "gpus": 0, "keep_best": KEPT},
    }


def compared(result: SweepResult, asked: Path) -> dict[str, Any]:
    """The figures of the kept trials as the sweep has them, and as counted from their weights."""
    rows = [json.loads(line) for line in asked.read_text(encoding="utf-8").splitlines()]
    ended = [str(trial.status) for trial in result.trials]
    return {
        "trials": {status: ended.count(status) for status in sorted(set(ended))},
        "prompts": len(rows),
        "base": result.sweep.base["eval_exact_match"],
        "best": [
            {
                "trial": winner.record.number,
                "params": winner.record.params,
                "eval_exact_match": winner.value,
                "recounted": recounted(_weights(result, winner), rows),
            }
            for winner in result.ranking().winners[:KEPT]
        ],
    }


def _weights(result: SweepResult, winner: Winner) -> Path:
    return result.folder.store.trial_folder(winner.record.number) / "best"


def recounted(weights: Path, rows: Sequence[Mapping[str, str]]) -> float:
    """The share of right answers of the saved model."""
    answers = plain_answers(weights, [row["instruction"] for row in rows])
    right = [answer.strip() == row["output"] for answer, row in zip(answers, rows, strict=True)]
    return sum(right) / len(rows)


def plain_answers(weights: Path, questions: Sequence[str]) -> Iterator[str]:
    """What the saved model answers to one question after the other, by transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(weights)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    for question in questions:
        asked = tokenizer(PROMPT.format(question), return_tensors="pt", return_token_type_ids=False)
        ids = model.generate(
            **asked,
            max_new_tokens=LONGEST,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
        yield tokenizer.decode(ids[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="builtin:pydoc")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--home", type=Path, help="the sweep home; else a temporary folder")
    return parser.parse_args()


if __name__ == "__main__":
    main()

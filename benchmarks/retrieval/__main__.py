"""Base, few-shot, RAG and LoRA on questions that only a text answers, side by side.

    python -m benchmarks.retrieval [--home FOLDER] [--steps 200]

A first sweep teaches a tiny model of random weights to find answers in a text: it trains with
passages in its prompts (`data.retrieve`) about some invented towns. The second sweep asks its
winner about other towns: as it is, with examples, with passages, and fine-tuned on questions of the
same kind. Prints both verdicts, and each method with its paired difference to the base.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.retrieval.material import ASKED, Questions, make_untaught, read_lines, written
from results.ranking.winners import Winner
from sweeps.report.each_method import best_of_each
from sweeps.sweep import Sweep, SweepResult
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.paired import paired, place_of
from sweeps.verdict.results import Results
from trainables.board.job import ANSWERS
from trainables.training.generation.files import VALUES

METRIC = "eval_exact_match"

POINTS = (
    {"method": "none"},
    *({"method": "few_shot", "few_shot.count": count} for count in (1, 4)),
    *({"method": "rag", "rag.passages": count} for count in (1, 3)),
    *({"method": "lora", "learning_rate": rate} for rate in (1e-3, 1e-2)),
)


def main() -> None:
    """Teach, ask, print."""
    options = _options()
    home = options.home or Path(tempfile.mkdtemp())
    known, unknown = written(home / "towns", options.seed).values()
    untaught = make_untaught(home / "untaught", known)
    taught = Sweep.from_dict(teaching(untaught, known, options.steps)).launch(home)
    print("Teaching:", *_verdict(taught), sep="\n")
    taught.export(home / "reader")
    asked = Sweep.from_dict(asking(home / "reader", unknown)).launch(home)
    print("Asking:", *_verdict(asked), sep="\n")
    print("\n".join(table(asked, unknown.asked)))


def teaching(model: Path, questions: Questions, steps: int) -> dict[str, object]:
    """The sweep in which a model learns to read: its prompts have passages."""
    tree = _common("teaching", model, questions)
    tree["data"] |= {"retrieve": {"count": 1}}  # type: ignore[operator]
    return tree | {
        "method": "full",
        "batch_size": 64,
        "budget": {"trials": 2, "steps": steps, "evaluations": 1},
        "search": {"metric": METRIC, "sampler": "grid", "early_stopping": "none"},
        "space": {"learning_rate": {"choice": [3e-3, 6e-3]}},
    }


def asking(model: Path, questions: Questions) -> dict[str, object]:
    """The sweep over ways to answer questions about towns of which the model knows nothing."""
    return _common("asking", model, questions) | {
        "batch_size": 32,
        "budget": {"trials": len(POINTS), "epochs": 4, "evaluations": 1},
        "search": {"metric": METRIC, "early_stopping": "none", "first_points": list(POINTS)},
        "space": {
            "method": {"choice": ["none", "few_shot", "rag", "lora"]},
            "few_shot.count": {"choice": [1, 4], "when": {"method": "few_shot"}},
            "rag.passages": {"choice": [1, 3], "when": {"method": "rag"}},
            "learning_rate": {"log_uniform": [1e-3, 1e-2], "when": {"method": "lora"}},
        },
    }


def _common(name: str, model: Path, questions: Questions) -> dict[str, object]:
    return {
        "name": name,
        "model": str(model),
        "data": {
            "train": str(questions.train),
            "validation": str(questions.asked),
            "knowledge": str(questions.knowledge),
            "template": "plain",
        },
        "precision": "fp32",
        "micro_batch_size": 64,
        "evaluation": {"prompts": ASKED, "max_new_tokens": 8},
        "slots": {"count": 1, "gpus": 0},
    }


def table(result: SweepResult, asked: Path) -> list[str]:
    """A line for the base and for the best trial of each method, best first."""
    base = result.sweep.base[METRIC]
    lines = [f"{'method':10} {'right':>6} {'English':>8} {'Chinese':>8}  better than the base by"]
    lines += [_line(result, winner, asked) for winner in best_of_each(result.ranking())]
    return [*lines, f"{'(base)':10} {base:6.3f} {_by_language(result, None, asked)}"]


def _line(result: SweepResult, winner: Winner, asked: Path) -> str:
    number, method = winner.record.number, str(winner.record.params["method"])
    lead = paired(result.sweep, result.folder, number, None)
    assert lead is not None, "exact matches are values of single prompts"
    return (
        f"{method:10} {winner.value:6.3f} {_by_language(result, number, asked)}  "
        f"{lead.mean:.3f} ± {lead.standard_error:.3f} ({abs(lead.z):.1f} standard errors)"
    )


def _by_language(result: SweepResult, number: int | None, asked: Path) -> str:
    """The share of right answers in each language."""
    with np.load(place_of(result.folder, number) / ANSWERS / VALUES) as arrays:
        right, prompts = arrays[METRIC], arrays["prompts"]
    rows = read_lines(asked)
    spoken = np.array([rows[prompt]["language"] for prompt in prompts])
    return " ".join(f"{right[spoken == name].mean():8.3f}" for name in ("English", "Chinese"))


def _verdict(result: SweepResult) -> tuple[str, str]:
    return conclusion(Results.read(result.folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, help="a new folder; else a temporary one")
    parser.add_argument("--steps", type=int, default=200, help="of each trial that learns to read")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()

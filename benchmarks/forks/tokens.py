"""Tokens trained by a sweep whose trials begin alike, with and without forks.

Launches a sweep of WSD trials on a tiny random model, in which the decay and the floor are
searched, and compares from its records what was trained with what its trials would have trained one
by one. Early stopping is off, so that every trial has its whole budget.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tiny_inputs import VOCABULARY, make_model
from results.ranking.shared import shared_by_branches
from results.records.record import TrialRecord
from sweeps import Sweep

TEXTS, LONGEST = 400, 24


def measured(place: Path, home: Path, trunks: int, branches: int) -> dict[str, Any]:
    """Launch the sweep, with files in the folder `place`; returns its figures."""
    make_model(place / "model")
    (place / "texts.txt").write_text(_texts(), encoding="utf-8")
    result = Sweep.from_dict(_tree(place, trunks, branches)).launch(home)
    return figures(result.trials)


def figures(trials: Sequence[TrialRecord]) -> dict[str, Any]:
    """What a sweep trained, and what it would have trained without forks."""
    trained = sum(trial.tokens for trial in trials)
    whole = sum(trial.whole_tokens for trial in trials)
    seconds = sum(trial.seconds for trial in trials)
    shared = shared_by_branches(trials)
    return {
        "trials": len(trials),
        "trunks": len({t.branch.trunk if t.branch else t.number for t in trials}),
        "trained_tokens": trained,
        "tokens_one_by_one": whole,
        "fewer_tokens": round(whole / trained, 3) if trained else None,
        "fewer_seconds": round((seconds + shared.seconds) / seconds, 3) if seconds else None,
        "trials_begun_at_forks": shared.trials,
    }


def _tree(place: Path, trunks: int, branches: int) -> dict[str, object]:
    return {
        "name": "forks",
        "model": str(place / "model"),
        "objective": "clm",
        "data": {"train": str(place / "texts.txt"), "validation": 0.1, "max_length": 48},
        "method": "lora",
        "precision": "fp32",
        "schedule": "wsd",
        "batch_size": 8,
        "budget": {"trials": trunks * branches, "steps": 60, "evaluations": 6},
        "search": {"forks": branches, "early_stopping": "none", "seed": 7},
        "slots": {"count": 1, "gpus": 0},
        "space": {
            "learning_rate": {"log_uniform": [1e-4, 3e-2]},
            "lora.rank": {"choice": [4, 8, 16]},
            "wsd.decay_fraction": {"uniform": [0.05, 0.3]},
            "floor_fraction": {"uniform": [0.0, 0.2]},
        },
    }


def _texts() -> str:
    """Texts in which most words decide the next."""
    rng, texts = random.Random(0), []
    for _ in range(TEXTS):
        words = [rng.randrange(2, VOCABULARY)]
        while len(words) < LONGEST:
            drawn = rng.random() < 0.2
            words.append(
                rng.randrange(2, VOCABULARY) if drawn else (words[-1] * 5 + 3) % VOCABULARY
            )
        texts.append(" ".join(f"w{word}" for word in words))
    return "\n\n".join(texts)

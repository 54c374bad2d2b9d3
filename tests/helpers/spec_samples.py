"""Sweeps for tests, most of them toy ones that need no files; and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeps.spec.spec import SpecError, SweepSpec


def toy_tree(**changes: Any) -> dict[str, Any]:
    return {
        "name": "toy",
        "model": "toy",
        "objective": "toy",
        "budget": {"trials": 6, "evaluations": 4},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {"learning_rate": {"log_uniform": [1e-6, 1e-1]}, "lora.rank": {"choice": [4, 16]}},
        **changes,
    }


def searching_tree(seconds: float, **changes: Any) -> dict[str, Any]:
    """A toy sweep in one slot, of which each trial but the first two depends on those before."""
    search = {"seed": 1, "early_stopping": "none", "sampler_options": {"n_startup_trials": 2}}
    return toy_tree(search=search, slots={"count": 1}, toy={"seconds": seconds}, **changes)


def problems_of(tree: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as refusal:
        SweepSpec.parse(tree)
    return [str(problem) for problem in refusal.value.problems]


def sft_tree(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    (tmp_path / "data.jsonl").write_text("x")
    return {
        "name": "real",
        "model": "org/model",
        "data": {"train": str(tmp_path / "data.jsonl")},
        "budget": {"trials": 4},
        "space": {"learning_rate": {"log_uniform": [1e-4, 1e-3]}},
        **changes,
    }

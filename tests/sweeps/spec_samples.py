"""Sweeps for tests: toy ones that need no files."""

from __future__ import annotations

from typing import Any


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

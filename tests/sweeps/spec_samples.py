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

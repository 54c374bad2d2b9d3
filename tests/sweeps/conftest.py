"""Sweeps that several files look at, each launched once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from books import real_tree
from planted import Launched, launched
from spec_samples import toy_tree


@pytest.fixture(scope="session")
def real_sweep(data: Path, tmp_path_factory) -> Iterator[Launched]:
    """Four trials that train, but for the second one, which fails inside the trainer."""
    points = [
        {"learning_rate": rate, "lora.rank": rank, "lora.target_modules": modules}
        for rate, rank, modules in [
            (5e-3, 4, "all-linear"),
            (5e-3, 8, ["no_such_module"]),
            (2e-2, 8, "all-linear"),
            (1e-3, 4, "all-linear"),
        ]
    ]
    search = {"seed": 1, "early_stopping": "none", "first_points": points}
    tree = real_tree(data, search=search)
    tree["space"]["lora.target_modules"] = {"choice": ["all-linear", ["no_such_module"]]}
    with launched(tree, tmp_path_factory.mktemp("real")) as sweep:
        yield sweep


@pytest.fixture(scope="session")
def failed_sweep(tmp_path_factory) -> Iterator[Launched]:
    """A toy sweep of two trials: one that is refused before it begins, and one that crashes."""
    tree = toy_tree(
        space={"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.9, 0.2]}},
        warmup_fraction=0.5,
        search={"sampler": "grid", "early_stopping": "none"},
        toy={"crash_above": 1e-9},
    )
    with launched(tree, tmp_path_factory.mktemp("failed")) as sweep:
        yield sweep

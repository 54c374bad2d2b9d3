"""Searches with several numbers of forks, compared seed by seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.forks.curves import read
from benchmarks.forks.search import BUDGETS, Table, searched

COUNTS = (1, 2, 4)
RULES = ("none", "asha")

COLUMNS = ("early stopping", "whole trials", "forks", "trials", "regret", "better than 1 fork")

_DRAWS = 4000


def search(name: str, cache: Path, seeds: int) -> None:
    """Search with all seeds, those that are not in the cache yet."""
    table = Table(read(name, cache))
    for seed in range(seeds):
        for rule in RULES:
            for forks in COUNTS:
                place = _place(name, cache, rule, forks, seed)
                if not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    found = [
                        (loss - table.best, n) for loss, n in searched(table, forks, rule, seed)
                    ]
                    place.write_text(json.dumps(found))


def rows(name: str, cache: Path) -> Iterator[tuple[str, ...]]:
    """A row for each rule, budget and number of forks: median regret in thousandths of a nat, and
    the share of seeds with a better winner than without forks, equal ones half, with a bootstrap
    interval (95%)."""
    for rule in RULES:
        known = {forks: _known(name, cache, rule, forks) for forks in COUNTS}
        count = min(map(len, known.values()))
        for place, budget in enumerate(BUDGETS):
            alone = known[1][:count, place, 0]
            for forks, found in known.items():
                regret, trials = found[:count, place, 0], found[:count, place, 1]
                cells = f"{np.mean(trials):.0f}", f"{1000 * np.median(regret):.1f}"
                better = _share(regret, alone) if forks > 1 else ""
                yield rule, f"{budget:g}", str(forks), *cells, better


def _share(mine: NDArray[np.float64], others: NDArray[np.float64]) -> str:
    wins = (mine < others) + 0.5 * (mine == others)
    rng = np.random.default_rng(0)
    drawn = rng.choice(wins, (_DRAWS, len(wins))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{wins.mean():.0%} ({low:.0%} to {high:.0%})"


def _known(name: str, cache: Path, rule: str, forks: int) -> NDArray[np.float64]:
    """Outcomes [seeds, budgets, 2]."""
    found: list[Sequence[Sequence[float]]] = []
    while (place := _place(name, cache, rule, forks, len(found))).exists():
        found.append(json.loads(place.read_text()))
    return np.array(found)


def _place(name: str, cache: Path, rule: str, forks: int, seed: int) -> Path:
    return cache / "searches" / f"{name}-{rule}-{forks}" / f"{seed:03}.json"

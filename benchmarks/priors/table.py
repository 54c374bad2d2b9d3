"""The Tinker Cookbook's sweeps of 35 models: test loss by learning rate and rank (SOURCE.md)."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scipy.interpolate import PchipInterpolator

from benchmarks.replay.table import POINTS, Row, Table
from search_spaces.space import Space

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Model:
    """One model's runs: nats per token by rate and rank, infinite for a run that diverged."""

    name: str
    family: str
    kind: str
    hidden_size: int
    runs: Mapping[tuple[float, int], float]

    @property
    def best(self) -> float:
        """The lowest loss of all runs."""
        return min(self.runs.values())

    @property
    def ranks(self) -> list[int]:
        """The ranks with three finite losses and more, from which an optimum can be seen."""
        return [rank for rank in sorted({r for _, r in self.runs}) if len(self.curve(rank)) >= 3]

    def curve(self, rank: int) -> dict[float, float]:
        """The finite losses at a rank by the logarithm of the rate, in rising order."""
        found = {math.log(rate): loss for (rate, r), loss in self.runs.items() if r == rank}
        return {x: found[x] for x in sorted(found) if math.isfinite(found[x])}

    def optimum(self, rank: int) -> float:
        """The logarithm of the best rate: the vertex of the parabola through the best run and its
        neighbours; the best run itself where it is the last that did not diverge."""
        curve = self.curve(rank)
        xs = list(curve)
        place = min(range(len(xs)), key=lambda i: curve[xs[i]])
        if place in (0, len(xs) - 1):
            return xs[place]
        (a, b, c), (low, least, high) = (
            xs[place - 1 : place + 2],
            list(curve.values())[place - 1 : place + 2],
        )
        left, right = (low - least) / (b - a), (high - least) / (c - b)
        return (left * (b + c) + right * (a + b)) / (2 * (left + right))

    def regret(self, rank: int, at: float) -> float:
        """Nats above the rank's best run at a rate, between runs by monotone cubics. Beyond the
        first run the slope goes on; beyond the last one the loss is taken to rise with a slope of
        0.03, a usual one where it is known, or its own if steeper."""
        curve = self.curve(rank)
        (first, second), (last, before) = list(curve)[:2], list(curve)[:-3:-1]
        if at < first:
            found = curve[first] + (curve[second] - curve[first]) / (second - first) * (at - first)
        elif at > last:
            slope = (curve[last] - curve[before]) / (last - before)
            found = curve[last] + max(slope, 0.03) * (at - last)
        else:
            found = float(PchipInterpolator(list(curve), list(curve.values()))(at))
        return found - min(curve.values())

    def table(self) -> Table:
        """The runs as a table to search; only their ends are known."""
        rates, ranks = ({key[i] for key in self.runs} for i in (0, 1))
        space = Space.parse(
            {
                "learning_rate": {"log_uniform": [min(rates), max(rates)]},
                "lora.rank": {"choice": sorted(ranks)},
            }
        )
        rows = tuple(
            Row({"learning_rate": rate, "lora.rank": rank}, (POINTS,), (1,), (loss,))
            for (rate, rank), loss in self.runs.items()
        )
        return Table(self.name, space, rows)


@cache
def models() -> tuple[Model, ...]:
    """All models."""
    runs: defaultdict[str, dict[tuple[float, int], float]] = defaultdict(dict)
    for run in _rows("runs"):
        key = float(run["learning_rate"]), int(run["rank"])
        runs[run["model"]][key] = float(run["test_nll"] or math.inf)
    return tuple(
        Model(
            each["model"],
            each["family"],
            each["kind"],
            int(each["hidden_size"]),
            runs[each["model"]],
        )
        for each in _rows("models")
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))

"""A table of real training runs, in place of training."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search_spaces.domains import Choice
from search_spaces.space import Space
from search_spaces.values import Value

METRIC = "loss"
"""What every table measures; the smaller the better."""

POINTS = 9
"""Evaluation points of a run, as the sweep files of the README have."""


@dataclass(frozen=True)
class Row:
    """One run: its parameters and its loss at some of the POINTS, each after so many steps."""

    params: Mapping[str, Value]
    points: tuple[int, ...]
    steps: tuple[int, ...]
    losses: tuple[float, ...]

    @property
    def best(self) -> float:
        """The best evaluation of the whole run, by which the product ranks a complete trial."""
        return min(self.losses)


@dataclass(frozen=True)
class Table:
    """Runs of one task. `error` is the standard error of a single evaluation, where it is known."""

    name: str
    space: Space
    rows: tuple[Row, ...]
    error: float | None = None

    @cached_property
    def best(self) -> float:
        """The best loss in the table: what a search can reach."""
        return min(row.best for row in self.rows)

    @cached_property
    def full_run(self) -> float:
        """Steps of a whole run, on average."""
        return sum(row.steps[-1] for row in self.rows) / len(self.rows)

    @cached_property
    def has_curves(self) -> bool:
        """Whether runs were measured before their end."""
        return any(len(row.points) > 1 for row in self.rows)

    @cached_property
    def _coordinates(self) -> NDArray[np.float64]:
        return np.asarray([self._place(row.params) for row in self.rows])

    def nearest(self, params: Mapping[str, Value], used: Sequence[int]) -> int | None:
        """The unused row that is nearest to these parameters; None if all are used.

        Distance is Euclidean in the space's own scales, each from 0 to 1; another choice is 1 away.
        """
        if len(used) == len(self.rows):
            return None
        away = ((self._coordinates - self._place(params)) ** 2).sum(axis=1)
        away[list(used)] = math.inf
        return int(away.argmin())

    def _place(self, params: Mapping[str, Value]) -> list[float]:
        return [x for name in self.space for x in self._coordinate(name, params[name])]

    def _coordinate(self, name: str, value: Value) -> list[float]:
        domain = self.space[name].branches[0].domain
        if isinstance(domain, Choice):
            return [math.sqrt(0.5) * (value == option) for option in domain.options]
        assert isinstance(value, int | float)
        low, high, at = float(domain.low), float(domain.high), float(value)
        if domain.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return [(at - low) / (high - low)]

    def half(self, judges: bool) -> Table:
        """One half of the rows, split by a hash of their parameters: one to develop on, the other
        to judge by."""
        rows = tuple(row for row in self.rows if _is_judge(row) is judges)
        return Table(f"{self.name}-{'judge' if judges else 'dev'}", self.space, rows, self.error)


def row_of_curve(
    params: Mapping[str, Value], curve: Sequence[tuple[int, float]], whole: int
) -> Row:
    """A row of measurements (step, loss) of a run of `whole` steps.

    Each measurement belongs to the nearest evaluation point, each point takes the nearest
    measurement, and the last measurement is the last point.
    """
    nearest: dict[int, tuple[float, int, float]] = {}
    for step, loss in curve:
        exact = step / whole * POINTS
        point = round(exact)
        if point >= 1:
            found = (abs(exact - point), step, loss)
            nearest[point] = min(nearest.get(point, found), found)
    points = sorted(nearest)
    return Row(
        params,
        tuple(points),
        tuple(nearest[point][1] for point in points),
        tuple(nearest[point][2] for point in points),
    )


def _is_judge(row: Row) -> bool:
    text = repr(sorted(row.params.items()))
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1

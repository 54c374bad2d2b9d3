"""An asynchronous clock: workers train runs of a table, and hand in each evaluation in its time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from benchmarks.replay.table import Row, Table
from search_spaces.values import Value


class Way(Protocol):
    """One way to search a table. Trials are named by their numbers, from 0."""

    def suggest(self) -> Mapping[str, Value] | None:
        """The parameters of the next trial; None if there is none."""

    def started(self, number: int, row: Row) -> None:
        """The trial trains this row, whose parameters count instead of those suggested."""

    def measured(self, number: int, point: int, loss: float) -> bool:
        """An evaluation before the trial's end; returns whether the trial goes on."""

    def completed(self, number: int, point: int, loss: float) -> None:
        """The evaluation at the end of a whole run."""


@dataclass(frozen=True)
class Outcome:
    """A search so far, by its `budget` in whole runs: the `loss` of its winner, and its `trials`.

    The winner is the best complete trial, by its best evaluation; before the first is complete, the
    best of what was measured.
    """

    budget: float
    loss: float
    trials: int


@dataclass
class _Run:
    number: int
    row: Row
    place: int = 0
    """Of the evaluation that comes next."""

    @property
    def steps(self) -> int:
        """Steps to the next evaluation."""
        done = self.row.steps[self.place - 1] if self.place else 0
        return self.row.steps[self.place] - done

    @property
    def is_last(self) -> bool:
        return self.place == len(self.row.points) - 1


class Clock:
    """Replays one search. All workers train equally fast; a suggestion takes no time."""

    def __init__(self, table: Table, way: Way, workers: int) -> None:
        self._table, self._way = table, way
        self._used: list[int] = []
        self._busy: list[tuple[float, int, _Run]] = []
        self._order = count()
        self._workers, self._most = workers, len(table.rows)
        self._now, self._trained = 0.0, 0.0
        self._complete, self._seen = math.inf, math.inf

    def replay(self, budgets: Sequence[float]) -> list[Outcome]:
        """The outcome at each budget, in whole runs (`Table.full_run`), in rising order."""
        outcomes = []
        for budget in budgets:
            limit = budget * self._table.full_run
            while self._fill() and self._trained_by(self._busy[0][0]) <= limit:
                self._advance()
            outcomes.append(Outcome(budget, self._winner, len(self._used)))
        return outcomes

    def whole(self, trials: int) -> Outcome:
        """The outcome once so many trials have ended, with what they trained as the budget."""
        self._most = min(trials, self._most)
        while self._fill():
            self._advance()
        return Outcome(self._trained / self._table.full_run, self._winner, len(self._used))

    @property
    def _winner(self) -> float:
        return self._complete if math.isfinite(self._complete) else self._seen

    def _fill(self) -> bool:
        """Give free workers trials; returns whether any worker is busy."""
        while len(self._busy) < self._workers and len(self._used) < self._most:
            params = self._way.suggest()
            if params is None:
                break
            place = self._table.nearest(params, self._used)
            assert place is not None, "there are unused rows"
            run = _Run(len(self._used), self._table.rows[place])
            self._used.append(place)
            self._way.started(run.number, run.row)
            self._queue(run)
        return bool(self._busy)

    def _queue(self, run: _Run) -> None:
        heapq.heappush(self._busy, (self._now + run.steps, next(self._order), run))

    def _trained_by(self, time: float) -> float:
        return self._trained + (time - self._now) * len(self._busy)

    def _advance(self) -> None:
        """The next evaluation."""
        self._trained = self._trained_by(self._busy[0][0])
        self._now, _, run = heapq.heappop(self._busy)
        point, loss = run.row.points[run.place], run.row.losses[run.place]
        self._seen = min(self._seen, loss)
        if run.is_last:
            self._complete = min(self._complete, run.row.best)
            self._way.completed(run.number, point, loss)
        elif self._way.measured(run.number, point, loss):
            run.place += 1
            self._queue(run)

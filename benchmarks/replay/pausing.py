"""Pausing in place of stopping: ASHA that promotes (Li et al. 2020, arXiv:1810.05934).

    python -m benchmarks.replay.pausing [--seeds 40] [--workers 8]

Trials are drawn at random, with the same draws in both ways. `stops` is the product's ASHA from
point 1 on, without its recheck. `pauses` lays each trial aside at a rung; a free worker takes the
best trial that is among the first third of its rung, from the highest rung down, and a new one only
if there is none. Laying aside and going on take no time, which favours `pauses`.
"""

from __future__ import annotations

import argparse
import heapq
import math
from collections.abc import Mapping, Sequence

import numpy as np
from ray.tune.schedulers import TrialScheduler

from benchmarks.replay.clock import Clock
from benchmarks.replay.ours import TuneTrial
from benchmarks.replay.table import METRIC, POINTS, Row, Table
from benchmarks.replay.tables import deberta, taskset
from search_spaces.values import Value
from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings

BUDGETS = (8, 16, 32)
RUNGS = (1, 3, POINTS)
REDUCTION = 3


class Stops:
    """Trials in a given order, and the product's early stopping; the clock's view."""

    def __init__(self, rows: Sequence[Row]) -> None:
        options = {"grace_period": RUNGS[0], "recheck": False}
        search = SearchSettings(metric=METRIC, mode="min", early_stopping_options=options)
        self._scheduler: TrialScheduler = make_scheduler(search, POINTS)
        self._rows = iter(rows)

    def suggest(self) -> Mapping[str, Value] | None:
        """The next row's own parameters."""
        row = next(self._rows, None)
        return None if row is None else row.params

    def started(self, number: int, row: Row) -> None:
        """Tell the scheduler."""
        self._scheduler.on_trial_add(None, TuneTrial(str(number)))

    def measured(self, number: int, point: int, loss: float) -> bool:
        """Whether the scheduler lets it go on."""
        trial, result = TuneTrial(str(number)), {"point": point, METRIC: loss}
        if self._scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP:
            return True
        self._scheduler.on_trial_complete(None, trial, result)
        return False

    def completed(self, number: int, point: int, loss: float) -> None:
        """Tell the scheduler."""
        result = {"point": point, METRIC: loss}
        self._scheduler.on_trial_complete(None, TuneTrial(str(number)), result)


def pauses(rows: Sequence[Row], full_run: float, workers: int) -> list[float]:
    """The winner's loss at each budget."""
    reached: list[dict[int, float]] = [{} for _ in RUNGS]
    promoted: list[set[int]] = [set() for _ in RUNGS]
    busy: list[tuple[float, int, int]] = []
    new, now, trained, complete, seen = 0, 0.0, 0.0, math.inf, math.inf
    found = []
    for budget in BUDGETS:
        while True:
            while len(busy) < workers:
                number, rung = _next(reached, promoted)
                if number is None:
                    number, rung, new = new, 0, new + 1
                heapq.heappush(busy, (now + _steps(rows[number], rung), number, rung))
            if trained + (busy[0][0] - now) * len(busy) > budget * full_run:
                break
            trained += (busy[0][0] - now) * len(busy)
            now, number, rung = heapq.heappop(busy)
            loss = _loss(rows[number], rung)
            reached[rung][number] = loss
            seen = min(seen, loss)
            if rung == len(RUNGS) - 1:
                complete = min(complete, rows[number].best)
        found.append(complete if math.isfinite(complete) else seen)
    return found


def _next(
    reached: Sequence[Mapping[int, float]], promoted: Sequence[set[int]]
) -> tuple[int | None, int]:
    """A trial to go on with, and the rung that it goes to."""
    for rung in reversed(range(len(RUNGS) - 1)):
        ranked = sorted(reached[rung], key=lambda number: reached[rung][number])
        for number in ranked[: len(ranked) // REDUCTION]:
            if number not in promoted[rung]:
                promoted[rung].add(number)
                return number, rung + 1
    return None, 0


def _steps(row: Row, rung: int) -> int:
    done = [row.steps[row.points.index(point)] for point in RUNGS]
    return done[rung] - (done[rung - 1] if rung else 0)


def _loss(row: Row, rung: int) -> float:
    return row.losses[row.points.index(RUNGS[rung])]


def main() -> None:
    """Print medians and the share of searches that pausing wins."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    for table in (taskset(), deberta()):
        rows = tuple(row for row in table.rows if set(RUNGS) <= set(row.points))
        table = Table(table.name, table.space, rows, table.error)
        ours, theirs = [], []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(rows))
            drawn = [rows[place] for place in order]
            theirs.append(pauses(drawn, table.full_run, options.workers))
            clock = Clock(table, Stops(drawn), options.workers)
            ours.append([each.loss for each in clock.replay(BUDGETS)])
        stops, paused = 1000 * (np.array(ours) - table.best), 1000 * (np.array(theirs) - table.best)
        won = ((paused < stops) + 0.5 * (paused == stops)).mean(axis=0)
        for place, budget in enumerate(BUDGETS):
            medians = (f"{np.median(each[:, place]):.1f}" for each in (stops, paused))
            print(f"| {table.name} | {budget} | {' | '.join(medians)} | {won[place]:.0%} |")


if __name__ == "__main__":
    main()

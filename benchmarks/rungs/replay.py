"""ASHA over trials whose measurements are known, by all of the examples or by a part of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ray.tune.schedulers import TrialScheduler

from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings

SIZES = (12, 25, 50, 100, 200, 400)

COLUMNS = (
    "examples",
    "paired error / spread",
    "decisions alike",
    "same trials stopped",
    "same winner",
    "winner worse by (of the spread)",
)


@dataclass(frozen=True)
class _Trial:
    trial_id: str


class _Controller:
    def get_live_trials(self) -> list[object]:
        """No trial waits."""
        return []


def stops(values: np.ndarray) -> list[int | None]:
    """The point before the last at which each trial is stopped; `values` are [trials, points]."""
    points = values.shape[1]
    options = {"grace_period": 1}
    search = SearchSettings(metric="eval_loss", early_stopping_options=options)
    scheduler, controller = make_scheduler(search, points), _Controller()
    return [
        _stopped(scheduler, controller, _Trial(f"t{number}"), own)
        for number, own in enumerate(values)
    ]


def _stopped(
    scheduler: TrialScheduler, controller: _Controller, trial: _Trial, values: Sequence[float]
) -> int | None:
    scheduler.on_trial_add(controller, trial)
    result: dict[str, object] = {}
    for point, value in enumerate(values, 1):
        result = {"point": point, "eval_loss": float(value)}
        verdict = scheduler.on_trial_result(controller, trial, result)
        if verdict == TrialScheduler.STOP and point < len(values):
            return point
    scheduler.on_trial_complete(controller, trial, result)
    return None


def replayed(
    sums: np.ndarray, counts: np.ndarray, base: np.ndarray, times: int, rng: np.random.Generator
) -> Iterator[tuple[str, ...]]:
    """A row of figures for each size of the part."""
    whole = sums.sum(axis=2) / counts.sum()
    spread = float(whole[:, :-1].std(axis=0, ddof=1).mean())
    for size in (each for each in SIZES if each < len(counts)):
        alike, same, winners, worse = [], [], [], []
        for _ in range(times):
            order = rng.permutation(len(sums))
            part = rng.permutation(len(counts))[:size]
            on_part = sums[:, :, part].sum(axis=2) / counts[part].sum()
            on_part[:, -1] = whole[:, -1]  # at its end a trial is measured on all
            ours, theirs = stops(on_part[order]), stops(whole[order])
            alike.append(_alike(ours, theirs, whole.shape[1]))
            same.append(ours == theirs)
            ends = whole[order, -1]
            won, wins = (
                min(end for end, stop in zip(ends, stopped, strict=True) if stop is None)
                for stopped in (ours, theirs)
            )
            winners.append(won == wins)
            worse.append((won - wins) / spread)
        error = paired_error(sums[:, :-1], counts) / np.sqrt(size) / spread
        yield (
            f"{size} of {len(counts)}",
            f"{error:.2f}",
            f"{np.mean(alike):.1%}",
            f"{np.mean(same):.0%}",
            f"{np.mean(winners):.0%}",
            f"{np.mean(worse):+.3f}",
        )


def _alike(ours: Sequence[int | None], theirs: Sequence[int | None], points: int) -> float:
    """The share of equal decisions, of those made in both: a trial at a point before the last."""
    equal = made = 0
    for mine, other in zip(ours, theirs, strict=True):
        both = min(mine or points - 1, other or points - 1)
        made += both
        equal += both - (mine != other)
    return equal / made


def paired_error(sums: np.ndarray, counts: np.ndarray) -> float:
    """The standard error of a difference of two trials on one example, in nats per term: the root
    of the mean square over pairs and points."""
    trials, points, _ = sums.shape
    squares = []
    for point in range(points):
        for first in range(trials):
            for second in range(first):
                d = sums[first, point] - sums[second, point]
                left = d - d.sum() / counts.sum() * counts
                squares.append(float(left @ left) / len(counts) / counts.mean() ** 2)
    return float(np.sqrt(np.mean(squares)))

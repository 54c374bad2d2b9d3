"""ASHA over trials whose measurements are known, by all of the examples or by a part of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ray.tune.schedulers import TrialScheduler

from benchmarks.replay.table import POINTS
from benchmarks.replay.tables import deberta, taskset
from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings
from trainables.board.weights_policy import BestTrialsPolicy
from trainables.core.evaluation import Evaluation

SIZES = (12, 25, 50, 100, 200, 400)

COLUMNS = (
    "examples",
    "paired error / spread",
    "decisions alike",
    "same trials stopped",
    "same winner",
    "winner worse by (of the spread)",
    "examples measured",
)


@dataclass(frozen=True)
class _Trial:
    trial_id: str


class _Controller:
    def get_live_trials(self) -> list[object]:
        """No trial waits."""
        return []


def stops(values: np.ndarray, first: int = 1) -> list[int | None]:
    """The point before the last at which each trial is stopped, `first` at the earliest; `values`
    are [trials, points]."""
    points = values.shape[1]
    options = {"grace_period": first}
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
    sums: np.ndarray, counts: np.ndarray, times: int, rng: np.random.Generator
) -> Iterator[tuple[str, ...]]:
    """A row of figures for each size of the part."""
    whole = sums.sum(axis=2) / counts.sum()
    spread = float(whole[:, :-1].std(axis=0, ddof=1).mean())
    error = paired_error(sums[:, :-1], counts)
    for size in (each for each in SIZES if each < len(counts)):
        found = []
        for _ in range(times):
            order = rng.permutation(len(sums))
            part = rng.permutation(len(counts))[:size]
            on_part = sums[:, :, part].sum(axis=2) / counts[part].sum()
            found.append(_compared(on_part[order], whole[order], size / len(counts)))
        alike, same, worse, measured = (np.array(each) for each in zip(*found, strict=True))
        yield (
            f"{size} of {len(counts)}",
            f"{error / np.sqrt(size) / spread:.2f}",
            f"{alike.mean():.1%}",
            f"{same.mean():.0%}",
            f"{(worse == 0).mean():.0%}",
            f"{worse.mean() / spread:+.3f}",
            f"{measured.mean():.0%}",
        )


def _compared(
    on_part: np.ndarray, whole: np.ndarray, share: float
) -> tuple[float, bool, float, float]:
    """Decisions by a part beside those by all: the share that is alike, whether all are, by how
    much the winner is worse, and the examples measured, of those measured without a part."""
    ours, theirs = stops(on_part), stops(whole)
    won, measured = course(on_part, whole, ours, share)
    wins, usual = course(whole, whole, theirs, 1.0)
    return _alike(ours, theirs, whole.shape[1]), ours == theirs, won - wins, measured / usual


def course(
    on_part: np.ndarray, whole: np.ndarray, stopped: Sequence[int | None], share: float
) -> tuple[float, float]:
    """The winner's value, and the evaluations in whole ones, of trials one after the other; the
    product's own rule says which are measured whole before their ends."""
    policy, best, read = BestTrialsPolicy("eval_loss", "min"), np.inf, 0.0
    for part, own, stop in zip(on_part, whole, stopped, strict=True):
        seen: list[Evaluation] = []
        for point, value in enumerate(part[:stop], 1):
            measured = Evaluation(point, point, {}, subset={"eval_loss": float(value)})
            ends = point == len(part)
            wanted = ends or policy.could_win(measured, seen)
            read += 1.0 if wanted else share
            metrics = {"eval_loss": float(own[point - 1])} if wanted else {}
            seen.append(replace(measured, metrics=metrics))
        if stop is None:
            policy.completed(seen)
            best = min([best, *(each.metrics["eval_loss"] for each in seen if each.metrics)])
    return best, read


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


def examples_of_tables(trials: int, share: float, times: int) -> Iterator[tuple[str, ...]]:
    """For each table of real runs: random trials, and the examples measured with a part that orders
    them as the whole set does, of those measured without one; stopped from point 1 on or from 3."""
    for table in (taskset(), deberta()):
        whole = [row for row in table.rows if row.points == tuple(range(1, POINTS + 1))]
        curves = np.array([row.losses for row in whole])
        rng, cells = np.random.default_rng(0), []
        for first in (1, 3):
            found = []
            for _ in range(times):
                drawn = curves[rng.permutation(len(curves))[:trials]]
                stopped = stops(drawn, first)
                _, read = course(drawn, drawn, stopped, share)
                found.append(read / course(drawn, drawn, stopped, 1.0)[1])
            cells.append(f"{np.mean(found):.0%}")
        yield (table.name, str(trials), *cells)

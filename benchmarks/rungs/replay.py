"""ASHA over trials whose measurements are known, by all of the examples or by a part of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from ray.tune.schedulers import TrialScheduler

from benchmarks.replay.ours import Controller, TuneTrial
from benchmarks.replay.table import POINTS
from benchmarks.replay.tables import deberta, taskset
from benchmarks.rungs.curves import spread
from benchmarks.rungs.measured import Floats
from sweeps.early_stopping.asha import Asha
from sweeps.inputs.evaluation_share import TRAINING
from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings
from sweeps.verdict.rungs import rungs_of
from trainables.board.weights_policy import BestTrialsPolicy
from trainables.core.evaluation import Evaluation

SIZES = (12, 25, 50, 100, 200, 400)

FIRST = 1
"""The first rung of decisions by a part."""

WANTED = 0.25
"""The standard error of a difference as a share of the spread that is asked for."""

COLUMNS = (
    "examples",
    "paired error / spread",
    "decisions alike",
    "same trials stopped",
    "same winner",
    "winner worse by (of the spread)",
    "examples measured",
    "evaluation's share of passes",
)


def stops(values: Floats, first: int = FIRST) -> list[int | None]:
    """The point before the last at which each trial is stopped, `first` at the earliest; `values`
    are [trials, points]."""
    points = values.shape[1]
    options = {"grace_period": first, "recheck": False}  # one trial at a time
    search = SearchSettings(metric="eval_loss", early_stopping_options=options)
    scheduler, controller = make_scheduler(search, points), Controller()
    return [
        _stopped(scheduler, controller, TuneTrial(f"t{number}"), own)
        for number, own in enumerate(values)
    ]


def _stopped(
    scheduler: TrialScheduler, controller: Controller, trial: TuneTrial, values: Sequence[float]
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
    sums: Floats, counts: Floats, tokens: float, times: int, rng: np.random.Generator
) -> Iterator[tuple[str, ...]]:
    """A row of figures for each size of the part; `sums` are [trials, points, examples], `tokens`
    those of the whole set for each one of a trial's training."""
    whole = sums.sum(axis=2) / counts.sum()
    error = paired_error(sums[:, :-1], counts)
    for size in (each for each in SIZES if each < len(counts)):
        found = []
        for _ in range(times):
            order = rng.permutation(len(sums))
            part = rng.permutation(len(counts))[:size]
            on_part = sums[:, :, part].sum(axis=2) / counts[part].sum()
            found.append(_compared(on_part[order], whole[order], size / len(counts), tokens))
        means = _Compared(*np.mean(found, axis=0))
        won = np.mean([each.worse == 0 for each in found])
        yield (
            f"{size} of {len(counts)}",
            f"{error / np.sqrt(size) / spread(whole):.2f}",
            f"{means.alike:.1%}",
            f"{means.same:.0%}",
            f"{won:.0%}",
            f"{means.worse / spread(whole):+.3f}",
            f"{means.measured:.0%}",
            f"{means.before:.0%} -> {means.after:.0%}",
        )


class _Compared(NamedTuple):
    """Decisions by a part beside those by all: the share that is alike, whether all are, by how
    much the winner is worse, the examples measured, of those measured without a part, and
    evaluation's share of all passes without a part and with it."""

    alike: float
    same: float
    worse: float
    measured: float
    before: float
    after: float


def needed(sums: Floats, counts: Floats, first: int, times: int) -> tuple[str, ...]:
    """The examples with which the paired error is WANTED of the spread, by all trials, and by the
    `first` ones: the median over random orders, with a tenth of them below and above."""
    rng = np.random.default_rng(0)
    found = [_needed(sums[rng.permutation(len(sums))[:first]], counts) for _ in range(times)]
    low, middle, high = np.percentile(found, (10, 50, 90))
    return f"{_needed(sums, counts):.0f}", f"{middle:.0f} ({low:.0f}, {high:.0f})"


def _needed(sums: Floats, counts: Floats) -> float:
    error = paired_error(sums[:, :-1], counts)
    return float((error / (WANTED * spread(sums.sum(axis=2) / counts.sum()))) ** 2)


def _compared(on_part: Floats, whole: Floats, share: float, tokens: float) -> _Compared:
    ours, theirs = stops(on_part), stops(whole)
    won, measured = course(on_part, whole, ours, share)
    wins, usual = course(whole, whole, theirs, 1.0)
    points = whole.shape[1]
    return _Compared(
        _alike(ours, theirs, points),
        ours == theirs,
        won - wins,
        measured / usual,
        _of_passes(usual * tokens, theirs, points),
        _of_passes(measured * tokens, ours, points),
    )


def _of_passes(evaluated: float, stopped: Sequence[int | None], points: int) -> float:
    """Evaluation's share of the time of all passes; `evaluated` tokens for one of a whole trial."""
    trained = sum(stop or points for stop in stopped) / points
    return evaluated / (evaluated + TRAINING * trained)


def course(
    on_part: Floats, whole: Floats, stopped: Sequence[int | None], share: float
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
    """The share of equal decisions, of those made in both: of a trial at a rung."""
    equal = made = 0
    for rung in rungs_of(Asha(grace_period=FIRST), points):
        for mine, other in zip(ours, theirs, strict=True):
            if min(mine or points, other or points) >= rung:
                made += 1
                equal += (mine == rung) == (other == rung)
    return equal / made


def paired_error(sums: Floats, counts: Floats) -> float:
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

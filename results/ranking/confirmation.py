"""The confirmed winner: the best trials compared by means over fresh seeds. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from results.ranking.chances import chances_of_best, tie_distance
from results.ranking.variance import Noise, noise, noise_with_examples
from results.records.record import Mode, TrialRecord

T = TypeVar("T")

Examples = Callable[[TrialRecord], NDArray[np.float64] | None]
"""A confirmation's values by validation example, whose mean is the metric; None without any."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A trial and its confirmations: `repeats` are the complete ones.

    `values` are those of the seeds that count, by seed, and `mean` theirs: of a compared trial the
    seeds that all have, else all. `first` is the value of its run in the search, which is no part
    of the mean, since it was chosen for its luck. `chance` is the probability of being the best of
    the confirmed trials, and `tied` whether noise could have put another before it; both are None
    if it cannot be compared. `lost` are the seeds that did not complete.
    """

    record: TrialRecord
    repeats: tuple[TrialRecord, ...]
    values: Mapping[int, float]
    first: float
    mean: float
    chance: float | None = None
    tied: bool | None = None
    lost: int = 0

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.number

    @property
    def left_out(self) -> int:
        """The number of complete seeds that do not count, since other trials lack them."""
        return len(self.repeats) - len(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation between its seeds; None for a single one."""
        values = list(self.values.values())
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def varies(self) -> bool:
        """Whether fresh seeds changed the value at all."""
        return len({*self.values.values(), self.first}) > 1

    @property
    def size(self) -> tuple[int, int]:
        """How simple it is: fewest trained parameters, then fewest tokens."""
        return self.record.trainable_parameters, self.record.whole_tokens

    def mean_of(self, name: str) -> float | None:
        """The mean over seeds of another metric, on the validation or the test set."""
        counted = [each for each in self.repeats if each.repeat in self.values]
        known = [each for each in map(_metrics_of, counted) if name in each]
        return statistics.fmean(each[name] for each in known) if known else None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The confirmed trials of a sweep with one metric, the best mean first.

    `compared` are the seeds that all of them have, by which they are compared; `noise` is None if
    there are fewer than two.
    """

    metric: str
    mode: Mode
    trials: tuple[Confirmed, ...]
    compared: tuple[int, ...]
    noise: Noise | None

    @property
    def winner(self) -> Confirmed:
        """The trial with the best mean."""
        return self.trials[0]

    @property
    def tied(self) -> tuple[Confirmed, ...]:
        """The trials that noise may have put behind the winner, the winner among them."""
        return tuple(each for each in self.trials if each.tied)

    @property
    def simplest(self) -> Confirmed:
        """The simplest of those tied: fewest trained parameters, then fewest tokens, then the
        best mean."""
        return min(self.tied or (self.winner,), key=lambda each: each.size)

    def better_by(self, one: float, other: float) -> float:
        """How much better `one` is than `other`, positive if it is."""
        return other - one if self.mode == "min" else one - other

    def flattered(self, trial: Confirmed) -> float:
        """How much better the trial's first run was than its mean over fresh seeds."""
        return self.better_by(trial.first, trial.mean)


def confirm(
    trials: Sequence[TrialRecord],
    repeats: Sequence[TrialRecord],
    metric: str,
    mode: Mode,
    examples: Examples = lambda record: None,
) -> Confirmation | None:
    """The confirmation of a sweep with one metric; None before any repeat is complete."""
    gathered = (_gathered(trial, repeats, metric, mode) for trial in trials)
    found = [each for each in gathered if each is not None]
    if not found:
        return None
    compared = common_seeds([each.values for each in found])
    among = [each for each in found if set(compared) <= each.values.keys()]
    if len(compared) < 2 or len(among) < min(2, len(found)):
        ordered = sorted(found, key=lambda each: (_cost(each.mean, mode), each.number))
        return Confirmation(metric, mode, tuple(ordered), (), None)
    among = [_of_seeds(each, compared) for each in among]
    found_noise = _noise(among, compared, examples)
    costs = [_cost(each.mean, mode) for each in among]
    distance = tie_distance(len(among), found_noise.error, found_noise.freedom)
    chances = chances_of_best(costs, found_noise.error, found_noise.freedom)
    judged = [
        replace(each, chance=share, tied=cost - min(costs) <= distance)
        for each, cost, share in zip(among, costs, chances, strict=True)
    ]
    judged.sort(key=lambda each: (_cost(each.mean, mode), each.number))
    numbers = {each.number for each in judged}
    rest = [each for each in found if each.number not in numbers]
    return Confirmation(metric, mode, (*judged, *rest), compared, found_noise)


def _of_seeds(trial: Confirmed, seeds: Sequence[int]) -> Confirmed:
    """The trial by the values of these seeds alone."""
    values = {seed: trial.values[seed] for seed in seeds}
    return replace(trial, values=values, mean=statistics.fmean(values.values()))


def common_seeds(values: Sequence[Mapping[int, T]]) -> tuple[int, ...]:
    """The seeds that all trials have; without two, those of the most trials that share two."""
    seeds = [set(each) for each in values]
    pairs = combinations(sorted(set().union(*seeds)), 2)
    sharing = ([each for each in seeds if each.issuperset(pair)] for pair in pairs)
    most = max(sharing, key=len, default=[])
    return tuple(sorted(set.intersection(*most))) if most else ()


def best_repeat(repeats: Sequence[TrialRecord], goals: Mapping[str, Mode]) -> TrialRecord | None:
    """The complete repeat with the best value of the first metric, on the validation set."""
    metric, mode = next(iter(goals.items()))
    valued = [(_value(each, goals, metric), each) for each in repeats if each.status.can_win]
    finite = [
        (_cost(value, mode), each.repeat, each) for value, each in valued if value is not None
    ]
    return min(finite, key=lambda each: each[:2])[2] if finite else None


def _gathered(
    record: TrialRecord, repeats: Sequence[TrialRecord], metric: str, mode: Mode
) -> Confirmed | None:
    """The trial with its repeats; None without a complete one."""
    goals: dict[str, Mode] = {metric: mode}
    own = [each for each in repeats if each.confirms == record.number]
    values = {each.repeat: _value(each, goals, metric) for each in own if each.status.can_win}
    known = {seed: value for seed, value in sorted(values.items()) if value is not None}
    first = _value(record, goals, metric)
    if not known or first is None:
        return None
    complete = tuple(each for each in own if each.repeat in known)
    lost = sum(each.status.ended for each in own) - len(known)
    mean = statistics.fmean(known.values())
    return Confirmed(record, complete, known, first, mean, lost=lost)


def _noise(trials: Sequence[Confirmed], seeds: Sequence[int], examples: Examples) -> Noise:
    """The noise with that of the examples, where every compared model has values of them."""
    by_seed = [{each.repeat: each for each in trial.repeats} for trial in trials]
    rows = [[examples(known[seed]) for seed in seeds] for known in by_seed]
    flat = [each for row in rows for each in row]
    sizes = {len(each) for each in flat if each is not None}
    if len(sizes) == 1 and all(each is not None for each in flat):
        return noise_with_examples(np.asarray(rows, dtype=float))
    return noise(np.asarray([[trial.values[seed] for seed in seeds] for trial in trials]))


def _value(record: TrialRecord, goals: Mapping[str, Mode], metric: str) -> float | None:
    counted = record.counted(goals)
    value = counted.metrics.get(metric, math.nan) if counted else math.nan
    return value if math.isfinite(value) else None


def _cost(value: float, mode: Mode) -> float:
    return value if mode == "min" else -value


def _metrics_of(record: TrialRecord) -> dict[str, float]:
    """The last values on the validation set, and those on the test set."""
    last = record.last()
    return {**(last.metrics if last else {}), **record.test}

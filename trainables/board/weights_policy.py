"""Whose weights are worth keeping while a sweep is under way. Pure.

The winner, or the whole front of a sweep with several metrics, is always among them, and hardly
anything else is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from trainables.core.evaluation import Evaluation


class WeightsPolicy(Protocol):
    """Judges evaluations as they come in. `last` is whether the trial's budget ends with it."""

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it is, of its own trial, the one that counts as far as is known."""

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether no complete trial beats it; an equal one does not."""

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """A trial has come to its end with these."""


def weights_policy(goals: Mapping[str, str], most: int = 1) -> WeightsPolicy:
    """The one for these metrics, name -> "min" or "max".

    Of one metric, the `most` best trials are kept; of several, the whole front.
    """
    if len(goals) > 1:
        return FrontPolicy(goals)
    ((metric, mode),) = goals.items()
    return BestTrialsPolicy(metric, mode, most)


class BestTrialsPolicy:
    """By one metric: a trial's best evaluation counts."""

    def __init__(self, metric: str, mode: str, most: int = 1) -> None:
        self._goal = {metric: mode}
        self._best_complete = [math.inf] * most

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it beats all earlier ones."""
        value = self._value(evaluation)
        return all(value < self._value(each) for each in earlier)

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether it is as good as the last of the complete trials that are kept."""
        value = self._value(evaluation)
        return math.isfinite(value) and value <= self._best_complete[-1]

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """The trial's best evaluation is what others must reach."""
        best = min(map(self._value, evaluations), default=math.inf)
        self._best_complete = sorted([*self._best_complete, best])[:-1]

    def _value(self, evaluation: Evaluation) -> float:
        (cost,) = _costs(evaluation, self._goal)
        return cost


class FrontPolicy:
    """By several metrics: a trial's last evaluation counts."""

    def __init__(self, goals: Mapping[str, str]) -> None:
        self._goals = goals
        self._complete: list[tuple[float, ...]] = []

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it is the last."""
        return last

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether no complete trial is better in one metric and as good in the others."""
        costs = _costs(evaluation, self._goals)
        return all(map(math.isfinite, costs)) and not any(
            other != costs and all(a <= b for a, b in zip(other, costs, strict=True))
            for other in self._complete
        )

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """The trial's last evaluation is one more that may beat others."""
        costs = [_costs(evaluation, self._goals) for evaluation in evaluations[-1:]]
        self._complete += [each for each in costs if all(map(math.isfinite, each))]


def _costs(evaluation: Evaluation, goals: Mapping[str, str]) -> tuple[float, ...]:
    """The metrics as something of which less is better; infinite where one is no number."""
    signs = {"min": 1.0, "max": -1.0}
    values = (signs[mode] * evaluation.metrics.get(name, math.nan) for name, mode in goals.items())
    return tuple(value if math.isfinite(value) else math.inf for value in values)

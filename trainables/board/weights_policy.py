"""The weights worth keeping while a sweep is under way. Pure.

They always include the winner's, or those of the whole front in a sweep with several metrics, and
little else is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from trainables.core.evaluation import Evaluation


class WeightsPolicy(Protocol):
    """Judges evaluations as they arrive. `last` is whether one ends its trial's budget."""

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it is the one that counts for its own trial so far."""

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether no complete trial beats it; a tie does not."""

    def could_win(self, evaluation: Evaluation, earlier: Sequence[Evaluation]) -> bool:
        """Whether one that was measured on a part of the set would count and might win, as far as
        the part can tell. Complete trials are compared with it on the same part."""

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """Note that a trial with these evaluations is complete."""


def weights_policy(goals: Mapping[str, str], most: int = 1) -> WeightsPolicy:
    """The policy for these metrics, name -> "min" or "max".

    With one metric, the `most` best trials are kept; with several, the whole front.
    """
    if len(goals) > 1:
        return FrontPolicy(goals)
    ((metric, mode),) = goals.items()
    return BestTrialsPolicy(metric, mode, most)


class BestTrialsPolicy:
    """One metric: a trial's best evaluation counts."""

    def __init__(self, metric: str, mode: str, most: int = 1) -> None:
        self._goal = {metric: mode}
        self._kept = [(math.inf, math.inf)] * most
        """The best complete trials: their values, on the whole set and on its part."""

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it beats all earlier ones; a part of the set cannot tell."""
        value = self._value(evaluation)
        return evaluation.whole and all(value < self._value(each) for each in earlier)

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether it is as good as the last complete trial that is kept."""
        value, (worst, _) = self._value(evaluation), self._kept[-1]
        return math.isfinite(value) and value <= worst

    def could_win(self, evaluation: Evaluation, earlier: Sequence[Evaluation]) -> bool:
        """Whether it beats the trial's earlier ones and is as good as that trial, on the part."""
        value, (_, worst) = self._compared(evaluation), self._kept[-1]
        best = all(value < self._compared(each) for each in earlier)
        return best and math.isfinite(value) and value <= worst

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """Others must now match the trial's best evaluation, unless it trained nothing: it has no
        weights that would take the place of theirs."""
        if not any(each.step for each in evaluations):
            return
        best = min(evaluations, key=self._value)
        known = self._value(best), self._compared(best)
        self._kept = sorted([*self._kept, known])[:-1]

    def _value(self, evaluation: Evaluation) -> float:
        (cost,) = _costs(evaluation.metrics, self._goal)
        return cost

    def _compared(self, evaluation: Evaluation) -> float:
        (cost,) = _costs(evaluation.compared, self._goal)
        return cost


class FrontPolicy:
    """Several metrics: a trial's last evaluation counts."""

    def __init__(self, goals: Mapping[str, str]) -> None:
        self._goals = goals
        self._complete: list[tuple[float, ...]] = []

    def is_best(self, evaluation: Evaluation, earlier: Sequence[Evaluation], last: bool) -> bool:
        """Whether it is the last."""
        return last

    def could_win(self, evaluation: Evaluation, earlier: Sequence[Evaluation]) -> bool:
        """Never: only the last one counts, which is on the whole set anyway."""
        return False

    def may_win(self, evaluation: Evaluation) -> bool:
        """Whether no complete trial is at least as good in every metric and better in one."""
        costs = _costs(evaluation.metrics, self._goals)
        return all(map(math.isfinite, costs)) and not any(
            other != costs and all(a <= b for a, b in zip(other, costs, strict=True))
            for other in self._complete
        )

    def completed(self, evaluations: Sequence[Evaluation]) -> None:
        """Add the trial's last evaluation to those that may beat others."""
        costs = [_costs(evaluation.metrics, self._goals) for evaluation in evaluations[-1:]]
        self._complete += [each for each in costs if all(map(math.isfinite, each))]


def _costs(metrics: Mapping[str, float], goals: Mapping[str, str]) -> tuple[float, ...]:
    """The metrics, converted so that less is better; infinite if not finite."""
    signs = {"min": 1.0, "max": -1.0}
    values = (signs[mode] * metrics.get(name, math.nan) for name, mode in goals.items())
    return tuple(value if math.isfinite(value) else math.inf for value in values)

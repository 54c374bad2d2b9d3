"""A sampler's view of a study in which the best branch stands for all with its trunk."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.samplers.wrappers.around import Around
from sweeps.samplers.wrappers.last_values import value_of
from sweeps.samplers.wrappers.study_view import StudyView


class BestBranches(Around):
    """Draws as `sampler` does, without the other branches: they are as good or bad as their trunk,
    and would count it several times. A branch sees those of its own trunk, to be drawn elsewhere.

    `trunk_of` gives a trial's trunk by Optuna's numbers.
    """

    def __init__(self, sampler: BaseSampler, trunk_of: Callable[[FrozenTrial], int]) -> None:
        super().__init__(sampler)
        self._trunk_of = trunk_of
        self._seen: StudyView | None = None

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that the sampler draws together."""
        self._seen = None  # a new trial: others may have been measured since the last one
        return super().infer_relative_search_space(self._view(study, trial), trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The sampler's values of these."""
        return self._sampler.sample_relative(self._view(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The sampler's value of one parameter."""
        view = self._view(study, trial)
        return self._sampler.sample_independent(view, trial, param_name, param_distribution)

    def _view(self, study: optuna.Study, trial: FrozenTrial) -> optuna.Study:
        if self._seen is None:
            self._seen = StudyView(study, self._best_of(study, self._trunk_of(trial)))
        return self._seen

    def _best_of(self, study: optuna.Study, own: int) -> list[FrozenTrial]:
        """The best trial of each trunk, and all of the `own` one, in order."""
        sign = 1.0 if study.direction is StudyDirection.MINIMIZE else -1.0
        trials = study.get_trials(deepcopy=False)
        best: dict[int, tuple[float, int]] = {}
        for trial in trials:
            value = value_of(trial, study.direction)
            rank = (math.inf if value is None else sign * value, trial.number)
            trunk = self._trunk_of(trial)
            best[trunk] = min(rank, best.get(trunk, rank))
        kept = {number for _, number in best.values()}
        return [t for t in trials if t.number in kept or self._trunk_of(t) == own]

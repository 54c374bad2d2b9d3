"""A sampler's view of a study in which the best branch stands for all with its trunk."""

from __future__ import annotations

import math
from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.samplers.wrappers.last_values import value_of
from sweeps.samplers.wrappers.study_view import StudyView, Viewing


class BestBranches(Viewing):
    """Draws as `sampler` does, without the other branches: they are as good or bad as their trunk,
    and would count it several times. A branch sees those of its own trunk, to be drawn elsewhere.

    `trunk_of` gives a trial's trunk by Optuna's numbers.
    """

    def __init__(self, sampler: BaseSampler, trunk_of: Callable[[FrozenTrial], int]) -> None:
        super().__init__(sampler)
        self._trunk_of = trunk_of

    def view_of(self, study: optuna.Study, trial: FrozenTrial) -> StudyView:
        """The study with the best branch of each other trunk."""
        return StudyView(study, self._best_of(study, self._trunk_of(trial)))

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

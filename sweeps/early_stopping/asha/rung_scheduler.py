"""Ray Tune's ASHA, for trials that skip some evaluation points."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler


class RungScheduler(ASHAScheduler):
    """ASHA that enters a trial into a rung only with a measurement at that point.

    A trial with fewer steps than evaluations skips some points. Ray would enter it into their
    rungs with its next measurement, after more training than the others.
    """

    def on_trial_add(self, controller: object, trial: Trial) -> None:
        """A trial begins, in one of the brackets, which it has again after a resume."""
        super().on_trial_add(controller, trial)
        if len(self._brackets) > 1:
            bracket = self._brackets[self._drawn(int(trial.config["trial"]))]
            self._trial_info[trial.trial_id] = bracket

    def _drawn(self, number: int) -> int:
        """A trial's bracket, with Ray's probabilities, by its number alone."""
        sizes = np.array([len(bracket._rungs) for bracket in self._brackets])
        shares = np.exp(sizes - sizes.max())
        return int(np.random.default_rng(number).choice(len(sizes), p=shares / shares.sum()))

    def on_trial_result(self, controller: object, trial: object, result: dict[str, object]) -> str:
        """Whether the trial continues."""
        verdict: str = TrialScheduler.CONTINUE
        if self._is_at_rung(result):
            verdict = super().on_trial_result(controller, trial, result)
        return verdict

    def on_trial_complete(
        self, controller: object, trial: object, result: dict[str, object]
    ) -> None:
        """The trial has ended with this result."""
        if self._is_at_rung(result):
            super().on_trial_complete(controller, trial, result)
        else:
            self.on_trial_remove(controller, trial)

    def _is_at_rung(self, result: Mapping[str, object]) -> bool:
        """Whether this is the first point from a rung on; reduction factors may be fractions."""
        rungs = {math.ceil(rung) for bracket in self._brackets for rung, _ in bracket._rungs}
        return result.get(self._time_attr) in rungs

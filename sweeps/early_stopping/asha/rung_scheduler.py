"""Ray Tune's ASHA, in which a trial has to keep its place at a rung."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from trainables.slots.trial import JUDGED


class RungScheduler(ASHAScheduler):
    """ASHA whose trials have to keep their places.

    Ray decides once, when a trial comes to a rung, so the first ones go on, whatever they are. With
    `recheck` a trial is compared at each later evaluation, too, with all that have come to its last
    rung by then. It goes on among the best 1 / `reduction_factor` of them, rounded up; Ray draws
    the line somewhere between two trials.

    A trial with fewer steps than evaluations skips some points. Ray would enter it into their
    rungs with its next measurement, after more training than the others; here it enters a rung
    only with a measurement at that point.
    """

    def __init__(self, *, recheck: bool = True, **options: Any) -> None:
        """The other options are Ray's."""
        super().__init__(**options)
        self._recheck = recheck

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

    def on_trial_result(self, controller: object, trial: Trial, result: Mapping[str, Any]) -> str:
        """Whether the trial continues."""
        verdict: str = TrialScheduler.CONTINUE
        if self._is_at_rung(result):
            verdict = super().on_trial_result(controller, trial, result)  # keeps the value, too
        if JUDGED in result:
            return str(TrialScheduler.CONTINUE)
        if not self._recheck or result.get(self._time_attr, self._max_t) >= self._max_t:
            return verdict
        stays = self._keeps_place(trial)
        return str(TrialScheduler.CONTINUE if stays else TrialScheduler.STOP)

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

    def _keeps_place(self, trial: Trial) -> bool:
        """Whether it is among the best of the last rung that it was measured at."""
        name = trial.trial_id
        rungs = self._trial_info[name]._rungs
        rewards: Mapping[str, float] = next((each for _, each in rungs if name in each), {})
        better = sum(reward > rewards[name] for reward in rewards.values())
        return not rewards or better < math.ceil(len(rewards) / self._reduction_factor)

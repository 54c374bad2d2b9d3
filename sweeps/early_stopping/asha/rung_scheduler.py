"""Ray Tune's ASHA, for trials that pass over some evaluation points."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ray.tune.schedulers import ASHAScheduler, TrialScheduler


class RungScheduler(ASHAScheduler):
    """ASHA that enters a trial into a rung only with what it measured at that point.

    A trial with fewer steps than evaluations passes over some points. Ray would enter it into their
    rungs with its next measurement, after more training than the others had.
    """

    def on_trial_result(self, controller: object, trial: object, result: dict[str, object]) -> str:
        """Whether the trial goes on."""
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
        """Whether it is the first point from a rung on; a reduction factor may be a fraction."""
        rungs = {math.ceil(rung) for bracket in self._brackets for rung, _ in bracket._rungs}
        return result.get(self._time_attr) in rungs

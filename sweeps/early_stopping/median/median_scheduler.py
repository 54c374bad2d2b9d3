"""Ray Tune's median stopping rule, for trials that end without a value."""

from __future__ import annotations

from ray.tune.schedulers import MedianStoppingRule, TrialScheduler

from trainables.slots.trial import JUDGED


class MedianScheduler(MedianStoppingRule):
    """The rule without the last results of trials that diverged, failed or measured NaN, in which
    Ray would look for the metric; and without pauses, which would not free a trial's slot."""

    def on_trial_result(self, controller: object, trial: object, result: dict[str, object]) -> str:
        """Whether the trial continues."""
        verdict: str = super().on_trial_result(controller, trial, result)  # keeps the value, too
        if JUDGED in result:
            self._stopped_trials.discard(trial)
            verdict = TrialScheduler.CONTINUE
        return verdict

    def on_trial_complete(
        self, controller: object, trial: object, result: dict[str, object]
    ) -> None:
        """The trial has ended with this result."""
        if self._metric in result:
            super().on_trial_complete(controller, trial, result)

    def _on_insufficient_samples(self, controller: object, trial: object, time: float) -> str:
        """A trial goes on, where Ray would pause it for one that waits."""
        verdict: str = TrialScheduler.CONTINUE
        return verdict

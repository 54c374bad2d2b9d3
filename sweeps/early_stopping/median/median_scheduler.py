"""Ray Tune's median stopping rule, for trials that end without a value."""

from __future__ import annotations

from ray.tune.schedulers import MedianStoppingRule


class MedianScheduler(MedianStoppingRule):
    """The rule without the last results of trials that diverged, failed or measured NaN, in which
    Ray would look for the metric."""

    def on_trial_complete(
        self, controller: object, trial: object, result: dict[str, object]
    ) -> None:
        """The trial has ended with this result."""
        if self._metric in result:
            super().on_trial_complete(controller, trial, result)

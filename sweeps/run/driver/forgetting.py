"""What Tune keeps of trials that have ended: nothing that grows with their number."""

from __future__ import annotations

from ray.tune import Callback
from ray.tune.experiment import Trial


class Forgetting(Callback):
    """Takes an ended trial out of Tune's list, which it walks through after each trial, and empties
    it, since Tune never lets go of it: configuration and results took 50 kB. The records have both.

    The last of the callbacks.
    """

    def __reduce__(self) -> tuple[type[Callback], tuple[()]]:
        """Pickled by Tune for its own restore, which we do not use."""
        return Callback, ()

    def on_trial_complete(
        self, /, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """A trial has ended; Tune is about to free its actor."""
        trials.remove(trial)
        trial.run_metadata = type(trial.run_metadata)()
        for name in ("config", "_Trial__unresolved_config", "evaluated_params"):
            if hasattr(trial, name):  # other versions of Ray may have other names
                setattr(trial, name, {})

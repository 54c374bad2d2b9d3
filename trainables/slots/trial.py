"""The Tune trial: a thin client of a slot. It holds no GPU and imports no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray
from ray import tune

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.slots.job import Job


class SlotTrial(tune.Trainable):
    """Submits its configuration to the board and hands on what a slot measures.

    Its config is {"trial": number, "config": TrialConfig, "folder": str, "seen": evaluations from
    before an interruption}, which are reported anew: the scheduler has not seen them. A trial that
    ends badly still ends with a result, not with an exception, so that its actor serves the next.
    """

    _last: Evaluation | None

    def setup(self, config: dict[str, Any], board: Any = None) -> None:
        """Tune's constructor: submit the first trial."""
        self._board = board
        self._submit(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Tune's way to hand a warm actor the next trial."""
        self._submit(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Wait for the next evaluation; the last one comes together with the outcome."""
        event = self._next()
        if isinstance(event, Evaluation):
            self._last = event
            if event.point < self._points:
                return self._result(event, outcome=None)
            event = self._next()
        assert isinstance(event, Outcome), "after its last evaluation a trial ends"
        return self._result(self._last, event)

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Nothing: the state of a trial lives in its slot."""
        return {}

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load."""

    def _submit(self, config: dict[str, Any]) -> None:
        trial_config: TrialConfig = config["config"]
        self._trial = str(config["trial"])
        self._points = trial_config.budget.evaluations
        self._last = None
        self._heard = 0
        job = Job(self._trial, trial_config, Path(config["folder"]), seen=config["seen"])
        ray.get(self._board.submit.remote(job))

    def _next(self) -> Evaluation | Outcome:
        event: Evaluation | Outcome = ray.get(self._board.event.remote(self._trial, self._heard))
        self._heard += 1
        return event

    def _result(self, evaluation: Evaluation | None, outcome: Outcome | None) -> dict[str, Any]:
        """What schedulers, searcher and recorder read. Metrics stand beside the point's number."""
        result: dict[str, Any] = {"evaluation": evaluation, "outcome": outcome}
        if evaluation is not None:
            result |= {"point": evaluation.point, **evaluation.metrics}
        if outcome is not None:
            result["done"] = True
            if outcome.ending not in (Ending.COMPLETE, Ending.STOPPED):
                # A scheduler must not take the last good value for this trial's end.
                result = {k: v for k, v in result.items() if not k.startswith("eval_")}
        return result

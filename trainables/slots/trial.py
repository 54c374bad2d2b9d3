"""The Tune trial: a thin client of a slot. It holds no GPU and imports no model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypedDict

from ray import tune

from trainables.board.board_client import BoardClient
from trainables.board.job import Forking, Job
from trainables.board.ticket import Event
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Outcome

JUDGED = "judged"
"""Key of a result from before an interruption: the scheduler let the trial go on then."""


class ClientConfig(TypedDict):
    """Tune's input to a trial: its number and configuration, the folder for its files, the
    evaluations from before an interruption, and its forks."""

    trial: int
    config: TrialConfig
    folder: str
    seen: tuple[Evaluation, ...]
    forking: Forking | None


class SlotTrial(tune.Trainable):
    """Submits its configuration to the board and reports the slot's evaluations to Tune.

    Evaluations from before an interruption are reported again: the scheduler has not seen them. A
    failed trial still ends with a result, not an exception, so that its actor can serve the next.
    """

    _last: Evaluation | None

    def setup(self, config: ClientConfig, board: BoardClient) -> None:
        """Tune's constructor: submit the first trial."""
        self._board = board
        self._submit(config)

    def reset_config(self, new_config: ClientConfig) -> bool:
        """Tune's way to hand a warm actor the next trial."""
        self._submit(new_config)
        return True

    def step(self) -> dict[str, object]:
        """Wait for the next evaluation; the last one comes together with the outcome."""
        event = self._next()
        if isinstance(event, Evaluation):
            self._last = event
            if event.point < self._points:
                return result_of(event, None, judged=self._heard <= self._seen)
            event = self._next()
        assert isinstance(event, Outcome), "after its last evaluation a trial ends"
        return result_of(self._last, event)

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, object]:
        """Nothing: a trial's state is in its slot."""
        return {}

    def load_checkpoint(self, checkpoint: object) -> None:
        """Nothing to load."""

    def _submit(self, config: ClientConfig) -> None:
        self.config: dict[str, object] = {}  # Tune would send it back with each result
        trial_config = config["config"]
        self._trial = str(config["trial"])
        self._points = trial_config.budget.evaluations
        self._last = None
        self._heard = 0
        folder, seen, forking = Path(config["folder"]), config["seen"], config["forking"]
        self._seen = len(seen)
        self._board.submit(Job(self._trial, trial_config, folder, seen=seen, forking=forking))

    def _next(self) -> Event:
        event = self._board.event(self._trial, self._heard)
        self._heard += 1
        return event


def result_of(
    evaluation: Evaluation | None, outcome: Outcome | None, judged: bool = False
) -> dict[str, object]:
    """The result read by schedulers, searcher and recorder: metrics and the point's number."""
    result: dict[str, object] = {"evaluation": evaluation, "outcome": outcome}
    if judged:
        result[JUDGED] = True
    if outcome is not None:
        result["done"] = True
    if evaluation is not None and not evaluation.shared:  # schedulers compared the trunk by it
        result["point"] = evaluation.point
        # A scheduler must not take the last good value for a failed trial's final one.
        if outcome is None or outcome.ending in (Ending.COMPLETE, Ending.STOPPED):
            # With NaN among a scheduler's values, no trial would be behind.
            result |= {name: v for name, v in evaluation.compared.items() if not math.isnan(v)}
    return result

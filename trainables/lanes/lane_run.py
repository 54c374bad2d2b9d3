"""Watches a lane's steps as it would those of a trial alone, and measures it alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor
from trainables.lanes.adapter import Adapter
from trainables.lanes.bank import Bank
from trainables.lanes.clock import Clock
from trainables.lanes.layout import Layout
from trainables.losses.loss import Floats, Loss, Scores
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.plan import Plan
from trainables.training.run import Run

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class LaneRun(Run):
    """A run whose model is the shared base with the lane's adapter."""

    def __init__(
        self,
        workshop: Workshop,
        config: TrialConfig,
        plan: Plan,
        model: torch.nn.Module,
        loss: Loss,
        monitor: Monitor,
        checkpoints: Checkpoints,
        adapter: Adapter,
        clock: Clock,
        bank: Bank,
    ) -> None:
        super().__init__(workshop, config, plan, model, loss, monitor, checkpoints)
        self._adapter = adapter
        self._clock = clock
        self._bank = bank
        self._earlier = 0.0

    def due(self, step: int) -> bool:
        """Whether the trial is measured after this step."""
        return step in self._plan.points

    def know(self, rows: Floats) -> None:
        """Use these rows of the validation set, or of its part, for the evaluation that is due."""
        self._known = rows

    def shares(self, base: torch.nn.Module) -> None:
        """From now on the model is this base."""
        self._model = base

    def beside(self, lanes: int) -> None:
        """Note the number of lanes of a tick."""
        self._lanes = max(self._lanes, lanes)

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """As for a trial alone; the seconds are the lane's own."""
        super().go_on_from(checkpoint)
        self._earlier = checkpoint.seconds

    def _seconds(self) -> float:
        return self._earlier + self._clock.seconds

    def _score(self, point: int) -> Scores:
        with self._bank.active(Layout([self._adapter])):
            return super()._score(point)

    def _save(self, folder: Path, state: dict[str, torch.Tensor] | None) -> None:
        self._adapter.save(folder)

"""The sets on which trials are measured: whole, or on a part that is the same for all trials."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.part import part_at_points
from trainables.losses.loss import Floats, Loss, Scores, measured_rows
from trainables.training.base import autocast_dtype


@dataclass(frozen=True)
class Measuring:
    """How the models of a process are measured."""

    pad_id: int
    device: torch.device
    progress: Progress = NO_PROGRESS

    def rows(
        self, config: TrialConfig, loss: Loss, model: torch.nn.Module, examples: Examples
    ) -> Floats:
        """[examples, columns], on every rank."""
        return measured_rows(
            loss,
            model,
            examples,
            config.micro_batch_size,
            self.pad_id,
            self.device,
            autocast_dtype(config),
            self.progress,
        )


@dataclass(frozen=True)
class MeasuredSet:
    """A set that is measured whole at a trial's end, and before it on a fixed part, if the trial's
    `evaluation.examples` says so. All ranks call each method."""

    examples: Examples
    measuring: Measuring

    def scores(
        self,
        config: TrialConfig,
        loss: Loss,
        model: torch.nn.Module,
        whole: bool = True,
        known: Floats | None = None,
    ) -> Scores:
        """On the whole set or on the part; `known` are rows of either, if they are known."""
        part = part_at_points(config, self.examples)
        if part is None:
            rows = self._rows(config, loss, model, self.examples) if known is None else known
            return replace(loss.scores(rows, self.examples), rows=rows)
        if known is not None and len(known) == len(self.examples):
            own, rows = known[part.places], known
        else:
            own = self._rows(config, loss, model, part) if known is None else known
            rows = part.joined(own, self._rows(config, loss, model, part.rest)) if whole else own
        subset = loss.scores(own, part).metrics
        if not whole:
            return replace(Scores.of_nothing(), subset=subset, rows=rows)
        return replace(loss.scores(rows, self.examples), subset=subset, rows=rows)

    def _rows(
        self, config: TrialConfig, loss: Loss, model: torch.nn.Module, examples: Examples
    ) -> Floats:
        return self.measuring.rows(config, loss, model, examples)

"""A trial's measurements: on the validation set, and on the general set if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from trainables.config.trial import TrialConfig
from trainables.losses.loss import Floats, Loss, Scores
from trainables.training.measuring.general import GeneralSet
from trainables.training.measuring.measured_set import MeasuredSet


@dataclass(frozen=True)
class Validation:
    """The measured sets of a process. `lossless` says for whom the validation set has prompts
    without answers, which have no loss. All ranks call each method."""

    validation: MeasuredSet
    general: GeneralSet | None
    lossless: Callable[[TrialConfig], bool]

    def scores(
        self,
        config: TrialConfig,
        loss: Loss,
        model: torch.nn.Module,
        whole: bool = True,
        known: Floats | None = None,
    ) -> Scores:
        """A model's scores on whole sets, or on their parts only. `known` are its rows on the
        validation set, or on the part of it, if they are known."""
        if self.lossless(config):
            found = Scores.of_nothing()
        else:
            found = self.validation.scores(config, loss, model, whole, known)
        if self.general is None:
            return found
        return _together(found, self.general.scores(config, model, whole))

    def completed(
        self, config: TrialConfig, loss: Loss, model: torch.nn.Module, part: Scores
    ) -> Scores:
        """The scores of a model that was measured on parts, with the rest of the sets measured."""
        found = Scores.of_nothing()
        if not self.lossless(config):
            found = self.validation.scores(config, loss, model, known=part.rows)
        if self.general is not None:
            other = self.general.scores(config, model, known=part.general_rows)
            found = _together(found, other)
        further = {name: each for name, each in part.subset.items() if name not in found.metrics}
        return replace(found.with_metrics(further), written=part.written)


def _together(found: Scores, general: Scores) -> Scores:
    """Of parts if either is; a set that is no larger than its part is measured whole."""
    compared = {**found.compared, **general.compared}
    whole = found.whole and general.whole
    return replace(
        found,
        metrics={**found.metrics, **general.metrics} if whole else {},
        subset=compared if found.subset or general.subset else {},
        general_rows=general.rows,
    )

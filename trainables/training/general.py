"""Forgetting: a model's loss on a set of other data, compared with the untouched base's."""

from __future__ import annotations

import torch

from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.tokens.examples import Examples
from trainables.losses.causal_lm import CausalLm
from trainables.losses.loss import measure
from trainables.training.base import BaseModel, Loading, autocast_dtype, loading_of


class GeneralSet:
    """The set, and the base's loss on it for each way of holding the base."""

    def __init__(
        self,
        examples: Examples,
        base: BaseModel,
        pad_id: int,
        device: torch.device,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        self._examples = examples
        self._base = base
        self._pad_id = pad_id
        self._device = device
        self._progress = progress
        self._base_losses: dict[tuple[Loading, torch.dtype | None], float] = {}

    def knows(self, config: TrialConfig) -> bool:
        """Whether the base has been measured, held as `config` holds it."""
        return held(config) in self._base_losses

    def measure_base(self, config: TrialConfig, base: torch.nn.Module) -> None:
        """Measure the untouched base, held as `config` holds it."""
        self._base_losses[held(config)] = self._loss(config, base)

    def metrics(self, config: TrialConfig, model: torch.nn.Module) -> dict[str, float]:
        """The loss in nats per target token, and its increase over the base's."""
        loss = self._loss(config, model)
        change = loss - self._base_losses[held(config)]
        return {"eval_general_loss": loss, "eval_general_change": change}

    def _loss(self, config: TrialConfig, model: torch.nn.Module) -> float:
        scores = measure(
            CausalLm(tokens=self._base.tokens),
            model,
            self._examples,
            config.micro_batch_size,
            self._pad_id,
            self._device,
            autocast_dtype(config),
            self._progress,
        )
        return scores.metrics["eval_loss"]


def held(config: TrialConfig) -> tuple[Loading, torch.dtype | None]:
    """How a trial holds the base, on which its measurements depend."""
    return loading_of(config), autocast_dtype(config)

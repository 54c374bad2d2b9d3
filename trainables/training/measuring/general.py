"""Forgetting: a model's loss on a set of other data, compared with the untouched base's."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Examples
from trainables.losses.causal_lm import CausalLm
from trainables.losses.loss import Floats, Scores
from trainables.training.base import BaseModel, Loading, autocast_dtype, loading_of
from trainables.training.measuring.measured_set import MeasuredSet, Measuring


class GeneralSet:
    """The set, and the base's loss on it for each way of holding the base, and of measuring."""

    def __init__(self, examples: Examples, base: BaseModel, measuring: Measuring) -> None:
        self._set = MeasuredSet(examples, measuring)
        self._base = base
        self._base_scores: dict[Hashable, Scores] = {}

    def knows(self, config: TrialConfig) -> bool:
        """Whether the base has been measured, held as `config` holds it."""
        return _kind(config) in self._base_scores

    def measure_base(self, config: TrialConfig, base: torch.nn.Module) -> None:
        """Measure the untouched base, held as `config` holds it."""
        self._base_scores[_kind(config)] = self._scores(config, base)

    def scores(
        self,
        config: TrialConfig,
        model: torch.nn.Module,
        whole: bool = True,
        known: Floats | None = None,
    ) -> Scores:
        """The loss in nats per target token, and its increase over the base's; see MeasuredSet."""
        own, base = self._scores(config, model, whole, known), self._base_scores[_kind(config)]
        return replace(
            own,
            metrics=_compared(own.metrics, base.metrics),
            subset=_compared(own.subset, base.subset),
        )

    def _scores(
        self,
        config: TrialConfig,
        model: torch.nn.Module,
        whole: bool = True,
        known: Floats | None = None,
    ) -> Scores:
        loss = CausalLm(tokens=self._base.tokens)
        return self._set.scores(config, loss, model, whole, known)


def _compared(mine: Mapping[str, float], base: Mapping[str, float]) -> dict[str, float]:
    if not mine:
        return {}
    loss = mine["eval_loss"]
    return {"eval_general_loss": loss, "eval_general_change": loss - base["eval_loss"]}


def _kind(config: TrialConfig) -> Hashable:
    return held(config), config.evaluation.examples


def held(config: TrialConfig) -> tuple[Loading, torch.dtype | None]:
    """How a trial holds the base, on which its measurements depend."""
    return loading_of(config), autocast_dtype(config)

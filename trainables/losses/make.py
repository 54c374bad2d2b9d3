"""From TrialConfig to its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Examples
from trainables.losses.causal_lm import CausalLm
from trainables.losses.classification import Classification, balanced_weights
from trainables.losses.loss import Loss
from trainables.losses.preference import Dpo, Kto
from trainables.losses.reference import Reference
from trainables.losses.reward import PairReward, ScalarReward
from trainables.objectives.classification import ClassificationConfig
from trainables.objectives.dpo import DpoConfig
from trainables.objectives.kto import KtoConfig
from trainables.objectives.reward import RewardConfig


def make_loss(
    config: TrialConfig,
    train_set: Examples,
    labels: Sequence[str],
    reference: Callable[[], Reference],
) -> Loss:
    """The loss of one trial; `reference` is called only if needed."""
    match config.objective:
        case "sft" | "clm":
            return CausalLm(config.label_smoothing, config.objective)
        case "classification":
            return Classification(_class_weights(config, train_set, len(labels)), labels)
        case "reward":
            pairs = train_set.arity == 2
            return PairReward(config.settings(RewardConfig)) if pairs else ScalarReward()
        case "dpo":
            return Dpo(config.settings(DpoConfig), reference())
        case "kto":
            return Kto(config.settings(KtoConfig), reference())
        case other:
            raise AssertionError(f"objective {other} trains no model")


def _class_weights(config: TrialConfig, train_set: Examples, classes: int) -> torch.Tensor:
    if config.settings(ClassificationConfig).class_weights == "none":
        return torch.ones(classes)
    return torch.from_numpy(balanced_weights(train_set.labels, classes))

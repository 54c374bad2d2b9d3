"""From TrialConfig to its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Examples
from trainables.losses.causal_lm import CausalLm
from trainables.losses.classification import Classification, balanced_weights
from trainables.losses.loss import Loss
from trainables.losses.policy import Grpo, Rloo
from trainables.losses.ppo import Ppo
from trainables.losses.preference import Dpo, Kto
from trainables.losses.reference import Reference
from trainables.losses.regression import Regression
from trainables.losses.reward import PairReward, ScalarReward
from trainables.losses.several_labels import SeveralLabels, balanced_marks
from trainables.losses.tokens import WHOLE_LOGITS, TokenLosses
from trainables.losses.unreferenced import Orpo, Simpo
from trainables.objectives.classification import ClassificationConfig, Target
from trainables.objectives.dpo import DpoConfig
from trainables.objectives.grpo import GrpoConfig
from trainables.objectives.kto import KtoConfig
from trainables.objectives.orpo import OrpoConfig
from trainables.objectives.policy import RlConfig
from trainables.objectives.ppo import PpoConfig
from trainables.objectives.reward import RewardConfig
from trainables.objectives.simpo import SimpoConfig


def make_loss(
    config: TrialConfig,
    train_set: Examples,
    labels: Sequence[str],
    reference: Callable[[], Reference],
    target: Target | None = None,
    tokens: TokenLosses = WHOLE_LOGITS,
) -> Loss:
    """The loss of one trial; `reference` is called only if needed.

    `tokens` computes the losses of tokens, by default from whole logits. Without a `target`, a
    classifier predicts a single label. ValueError for settings that do not fit the target.
    """
    match config.objective:
        case "sft" | "clm":
            return CausalLm(config.label_smoothing, config.objective, tokens)
        case "classification":
            return _classifier(config, train_set, labels, target)
        case "reward":
            pairs = train_set.arity == 2
            return PairReward(config.settings(RewardConfig)) if pairs else ScalarReward()
        case "dpo":
            return Dpo(config.settings(DpoConfig), reference(), tokens)
        case "kto":
            return Kto(config.settings(KtoConfig), reference(), tokens)
        case "orpo":
            return Orpo(config.settings(OrpoConfig), tokens)
        case "simpo":
            return Simpo(config.settings(SimpoConfig), tokens)
        case "grpo":
            return Grpo(config.settings(RlConfig), config.settings(GrpoConfig), tokens)
        case "rloo":
            return Rloo(config.settings(RlConfig), tokens)
        case "ppo":
            return Ppo(config.settings(RlConfig), config.settings(PpoConfig), tokens)
        case other:
            raise AssertionError(f"objective {other} trains no model")


def _classifier(
    config: TrialConfig, train_set: Examples, labels: Sequence[str], target: Target | None
) -> Loss:
    settings = config.settings(ClassificationConfig)
    balanced = settings.class_weights == "balanced"
    if target == "regression":
        if balanced:
            raise ValueError(
                "classification.class_weights: balanced needs classes, and the labels are numbers; "
                "leave it out"
            )
        return Regression()
    weights = torch.ones(len(labels))
    if target == "multi_label":
        if balanced:
            assert train_set.marks is not None, "examples of several labels"
            weights = torch.from_numpy(balanced_marks(train_set.marks))
        return SeveralLabels(weights, labels, settings.threshold)
    if balanced:
        weights = torch.from_numpy(balanced_weights(train_set.labels, len(labels)))
    return Classification(weights, labels)

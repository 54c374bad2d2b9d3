"""TrialConfig -> what it minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Examples
from trainables.objectives.causal_lm import CausalLm
from trainables.objectives.classification import Classification, balanced_weights
from trainables.objectives.objective import Objective
from trainables.objectives.preference import Dpo, Kto
from trainables.objectives.reference import Reference
from trainables.objectives.reward import PairReward, ScalarReward


def make_objective(
    config: TrialConfig,
    train_set: Examples,
    labels: Sequence[str],
    reference: Callable[[], Reference],
) -> Objective:
    """The objective of one trial; `reference` is called only where one is needed."""
    match config.objective:
        case "sft" | "clm":
            return CausalLm(config.label_smoothing)
        case "classification":
            return Classification(_class_weights(config, train_set, len(labels)), labels)
        case "reward":
            return PairReward(config.reward) if train_set.arity == 2 else ScalarReward()
        case "dpo":
            return Dpo(config.dpo, reference())
        case "kto":
            return Kto(config.kto, reference())
        case other:
            raise AssertionError(f"objective {other} trains no model")


def _class_weights(config: TrialConfig, train_set: Examples, classes: int) -> torch.Tensor:
    if config.classification.class_weights == "none":
        return torch.ones(classes)
    return torch.from_numpy(balanced_weights(train_set.labels, classes))

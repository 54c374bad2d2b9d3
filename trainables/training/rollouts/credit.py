"""From the rewards of a rollout to the advantages of its answers, or of their tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainables.config.trial import TrialConfig
from trainables.losses.advantages import (
    explained_variance,
    generalised,
    group_relative,
    leave_one_out,
    whitened,
)
from trainables.objectives.grpo import GRPO, GrpoConfig
from trainables.objectives.policy import RlConfig
from trainables.objectives.ppo import PPO, PpoConfig
from trainables.training.rollouts.rewards import Floats
from trainables.training.rollouts.rollout import Rollout


@dataclass(frozen=True)
class Foresight:
    """How well the values of a rollout foresaw its rewards: the variance of the returns that they
    explained; root mean squares of the values, and of what followed the tokens in fact."""

    explained: float
    value: float
    earned: float


def credit(rollout: Rollout, rewards: Floats, config: TrialConfig) -> Foresight | None:
    """Set the advantages of a rollout with these rewards of its answers, as the objective has it,
    and the returns that its values, if it has any, are to learn."""
    if config.objective == PPO.name:
        return _credit_tokens(rollout, rewards, config)
    rollout.advantages = _of_answers(rollout, rewards, config).astype(np.float32)
    return None


def compared(rewards: Floats, config: TrialConfig) -> Floats:
    """The rewards in rows of answers that are judged against each other: groups, or all."""
    size = config.settings(RlConfig).group_size
    return rewards.reshape(-1, size if config.objective != PPO.name else len(rewards))


def _of_answers(rollout: Rollout, rewards: Floats, config: TrialConfig) -> Floats:
    if config.objective == GRPO.name:
        scaled = config.settings(GrpoConfig).scale == "group"
        return group_relative(compared(rewards, config), scaled).reshape(-1)
    penalised = rewards + _penalties(rollout, config).sum(axis=1)
    return leave_one_out(compared(penalised, config)).reshape(-1)


def _penalties(rollout: Rollout, config: TrialConfig) -> Floats:
    """[answers, longest - 1]: minus the weighted divergence from the base at each token."""
    if rollout.reference is None:
        return np.zeros(rollout.sampled.shape)
    distance = rollout.sampled.astype(np.float64) - rollout.reference
    return -config.settings(RlConfig).beta * distance


def _credit_tokens(rollout: Rollout, rewards: Floats, config: TrialConfig) -> Foresight:
    assert rollout.values is not None, "values are known before advantages"
    own, inside = config.settings(PpoConfig), rollout.targets
    values = rollout.values.astype(np.float64)
    each = token_rewards(rollout, rewards, config)
    advantages = generalised(each, values, inside, own.gamma, own.decay)
    returns = advantages + values
    rollout.returns = returns.astype(np.float32)
    chosen = whitened(advantages, inside) if own.whiten else advantages
    rollout.advantages = chosen.astype(np.float32)
    earned = generalised(each, np.zeros_like(values), inside, own.gamma, decay=1.0)
    return Foresight(
        explained_variance(values[inside], returns[inside]),
        _size(values[inside]),
        _size(earned[inside]),
    )


def token_rewards(rollout: Rollout, rewards: Floats, config: TrialConfig) -> Floats:
    """[answers, longest - 1]: the penalty of each token, and at its last one an answer's reward."""
    each = _penalties(rollout, config)
    each[np.arange(len(rollout)), rollout.lengths - 2] += rewards
    return each


def _size(numbers: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(numbers))))

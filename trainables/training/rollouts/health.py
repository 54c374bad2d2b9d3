"""Signs that a policy will not come back: its KL explodes, its reward collapses, its entropy dies,
its values run away, or no answer is better than another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainables.core.evaluation import DivergedError

PATIENCE = 10
"""Rollouts in a row without any difference in rewards after which a trial ends."""

WINDOW = 5
"""Rollouts whose mean is compared."""

_LOST = 0.1
"""A reward has collapsed below this share of the way from the worst answer to the best window."""

_ENTROPY = 1e-3
"""Nats per token below which a policy has stopped trying anything."""

_RUN_AWAY = 10.0
"""Values are beyond all reason above this multiple of the most that any rollout has earned."""

_ERRORS = 4.0
"""Standard errors by which two windows must differ."""

_WINDOWS = ("first", "latest", "best")

MANY_CUT = 0.5
"""Share of cut answers from which they are the first thing to look at."""


def no_difference(cut: float, most: int) -> str:
    """That nothing can be learned, and what to do; `cut` is the share of answers that were cut
    after `most` tokens."""
    said = (
        "the rewards of all answers to a prompt are equal in every group, so nothing can be "
        "learned from them; "
    )
    if cut > MANY_CUT:
        return (
            f"{said}{cut:.0%} of the answers were cut after evaluation.max_new_tokens {most:,}, so "
            "raise that first, or start from a model that ends its answers (after sft)"
        )
    return (
        f"{said}raise rl.temperature or rl.group_size, reward something that some answers reach "
        "(see docs/rl.md), or start from a model after sft"
    )


@dataclass(frozen=True)
class Seen:
    """A rollout: mean, variance and minimum of its `count` rewards, and means per token. If there
    are values, their root mean square, and that of what was `earned` after the tokens."""

    reward: float
    variance: float
    lowest: float
    count: int
    kl: float = 0.0
    entropy: float = 0.0
    value: float = 0.0
    earned: float = 0.0


@dataclass
class Health:
    """The rollouts of a trial so far, as far as they say that it has failed: the first, the latest,
    and the best in a row."""

    max_kl: float
    first: list[Seen] = field(default_factory=list)
    latest: list[Seen] = field(default_factory=list)
    best: list[Seen] = field(default_factory=list)
    lowest: float = math.inf
    most_earned: float = 0.0
    equal_so_far: int = 0
    """Rollouts without any difference in rewards, if no rollout had one."""
    cut_so_far: float = 0.0
    """The sum of their shares of cut answers."""
    learned: bool = False

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Health:
        """From a checkpoint."""
        windows = {name: [Seen(**each) for each in state[name]] for name in _WINDOWS}
        return cls(**{**state, **windows})

    def check_rewards(self, differ: bool, cut: float, most: int) -> None:
        """DivergedError if there has never been a difference for too long; `cut` is the share of
        answers that were cut after `most` tokens."""
        self.learned = self.learned or differ
        if self.learned:
            self.equal_so_far = 0
            return
        self.equal_so_far, self.cut_so_far = self.equal_so_far + 1, self.cut_so_far + cut
        if self.equal_so_far >= PATIENCE:
            why = no_difference(self.cut_so_far / self.equal_so_far, most)
            raise DivergedError(f"in {PATIENCE} rollouts in a row {why}")

    def check(self, seen: Seen, step: int) -> None:
        """Note a rollout whose answers have been trained on; DivergedError with the reason."""
        self.check_kl(seen.kl, step)
        self.lowest = min(self.lowest, seen.lowest)
        self.most_earned = max(self.most_earned, seen.earned)
        self.first = [*self.first, seen][:WINDOW]
        self.latest = [*self.latest, seen][-WINDOW:]
        if len(self.latest) < WINDOW:
            return
        if not self.best or _mean(self.latest) > _mean(self.best):
            self.best = self.latest
        self._check_values(step)
        self._check_entropy(step)
        self._check_reward(step)

    def check_kl(self, kl: float, step: int) -> None:
        """DivergedError if the policy is too far from the base."""
        if not math.isfinite(kl) or kl > self.max_kl:
            raise DivergedError(
                f"the KL divergence from the base is {kl:.3g} nats per token at step {step}, "
                f"more than rl.max_kl {self.max_kl:g}; lower learning_rate, or raise rl.beta"
            )

    def _check_values(self, step: int) -> None:
        if all(each.value > _RUN_AWAY * self.most_earned for each in self.latest):
            raise DivergedError(
                f"the values have run away: about {self.latest[-1].value:.3g} at step {step}, and "
                f"no rollout earned more than about {self.most_earned:.3g}; lower "
                "ppo.value_learning_rate_ratio or learning_rate"
            )

    def _check_reward(self, step: int) -> None:
        best, now = _mean(self.best), _mean(self.latest)
        if best - now <= _ERRORS * math.hypot(_error(self.best), _error(self.latest)):
            return
        if now - self.lowest < _LOST * (best - self.lowest):
            raise DivergedError(
                f"the reward has collapsed: {now:.3g} in the {WINDOW} rollouts before step {step}, "
                f"after {best:.3g}; lower learning_rate, or raise rl.beta"
            )

    def _check_entropy(self, step: int) -> None:
        gained = _mean(self.latest) - _mean(self.first)
        if gained > _ERRORS * math.hypot(_error(self.first), _error(self.latest)):
            return
        if all(each.entropy < _ENTROPY for each in self.latest):
            raise DivergedError(
                f"the entropy has died: {self.latest[-1].entropy:.2g} nats per token at step "
                f"{step}, with a reward of {_mean(self.latest):.3g}, no better than at first; "
                "lower learning_rate, or raise rl.beta or rl.temperature"
            )


def _mean(rollouts: list[Seen]) -> float:
    return sum(each.reward for each in rollouts) / len(rollouts)


def _error(rollouts: list[Seen]) -> float:
    """The standard error of their mean reward."""
    parts = (each.variance / each.count for each in rollouts)
    return math.sqrt(sum(parts)) / len(rollouts)

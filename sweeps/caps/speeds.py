"""How fast each kind of trial trains, measured in a dry run, and what any trial takes by that."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import optuna

from search_spaces import bridge
from search_spaces.values import Value
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_batch
from trainables.config.trial import TrialConfig

_DRAWS = 200
"""Random points of the space whose trials are priced."""

_CHECKPOINTING = 4 / 3
"""Seconds with gradient checkpointing over those without: a second forward pass."""


@dataclass(frozen=True)
class Steps:
    """A measured optimizer step: its seconds, passes and tokens."""

    seconds: float
    passes: int
    tokens: float


@dataclass(frozen=True)
class Speed:
    """Seconds of a forward and backward pass besides its tokens, and of each token; whether that
    was `checkpointed`."""

    per_pass: float
    per_token: float
    checkpointed: bool = False

    @classmethod
    def through(cls, one: Steps, other: Steps | None, checkpointed: bool) -> Speed:
        """The speed that explains steps at one or two micro-batch sizes."""
        per_pass = 0.0
        if other is not None and other.passes != one.passes:
            per_pass = max(0.0, (other.seconds - one.seconds) / (other.passes - one.passes))
        per_pass = min(per_pass, one.seconds / one.passes)
        rest = one.seconds - one.passes * per_pass
        return cls(per_pass, rest / one.tokens if one.tokens else 0.0, checkpointed)


@dataclass(frozen=True)
class Prices:
    """The seconds of any trial. Methods that were not measured cost as the slowest that was."""

    speeds: Mapping[str, Speed]
    evaluation: float
    generation: float
    workers: int
    work: Callable[[Mapping[str, object]], tuple[float, int]]

    def of(self, config: TrialConfig, params: Mapping[str, Value]) -> float:
        """The seconds of a whole trial."""
        points = config.budget.evaluations
        measuring = points * self.evaluation + config.evaluation.times(points) * self.generation
        if not config.tunes.trains:
            return self.evaluation + self.generation
        speed = self._speed(config)
        _, passes = split_batch(config.batch_size, self.workers, config.micro_batch_size)
        tokens, steps = self.work(params)
        training = steps * passes * speed.per_pass + tokens / self.workers * speed.per_token
        factor = 1.0
        if config.gradient_checkpointing != speed.checkpointed:
            factor = _CHECKPOINTING if config.gradient_checkpointing else 1 / _CHECKPOINTING
        return training * factor + measuring

    def _speed(self, config: TrialConfig) -> Speed:
        slowest = max(self.speeds.values(), key=lambda each: each.per_token)
        return self.speeds.get(config.method, slowest)


def prices_of_space(spec: SweepSpec, prices: Prices) -> list[float]:
    """The seconds of the trials at random points of the space."""
    seed = random.Random(spec.search.seed).randrange(2**32)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found = []
    for _ in range(_DRAWS):
        params = bridge.suggest(study.ask(), spec.space)
        with suppress(ValueError):  # a combination that will be refused
            found.append(prices.of(spec.trial.with_params(params), params))
    return found


def with_half_the_micro_batch(config: TrialConfig) -> TrialConfig | None:
    """The same trial in twice as many passes; None if it has single examples already."""
    micro, _ = split_batch(config.batch_size, 1, config.micro_batch_size)
    return config.with_params({"micro_batch_size": micro // 2}) if micro > 1 else None

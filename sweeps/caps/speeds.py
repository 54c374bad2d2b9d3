"""How fast each kind of trial trains, measured in a dry run, and what any trial takes by that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search_spaces.values import Value
from trainables.config.batch_split import split_step
from trainables.config.trial import TrialConfig

_CHECKPOINTING = 4 / 3
"""Seconds with gradient checkpointing over those without: a second forward pass."""


@dataclass(frozen=True)
class Work:
    """Measured seconds of so many passes over so many tokens: an optimizer step, an evaluation."""

    seconds: float
    passes: int
    tokens: float


@dataclass(frozen=True)
class Course:
    """The course of a measured trial: a step, an evaluation if it had one, and what is neither."""

    step: Work
    evaluation: Work | None
    setup: float


@dataclass(frozen=True)
class Speed:
    """Seconds of a pass besides its tokens, of each token, and of an optimizer step besides its
    passes."""

    per_pass: float
    per_token: float
    per_step: float = 0.0

    @classmethod
    def through(cls, one: Work, halved: Work | None = None, doubled: Work | None = None) -> Speed:
        """The speed that explains some work, the same at half the micro-batch size, and twice as
        much with a single step, as far as these were measured."""
        per_pass = 0.0
        if halved is not None and halved.passes != one.passes:
            per_pass = max(0.0, (halved.seconds - one.seconds) / (halved.passes - one.passes))
        per_pass = min(per_pass, one.seconds / one.passes)
        rest = one.seconds - one.passes * per_pass
        per_token = rest / one.tokens if one.tokens else 0.0
        if doubled is not None and doubled.tokens > one.tokens:
            more = doubled.seconds - one.seconds - (doubled.passes - one.passes) * per_pass
            per_token = min(per_token, max(0.0, more / (doubled.tokens - one.tokens)))
        return cls(per_pass, per_token, max(0.0, rest - one.tokens * per_token))

    @classmethod
    def alike(cls, one: Work, share: float) -> Speed:
        """The speed that explains some work of which passes besides their tokens are a share."""
        per_pass = share * one.seconds / one.passes
        rest = one.seconds - one.passes * per_pass
        return cls(per_pass, rest / one.tokens if one.tokens else 0.0)

    def share_of_passes(self, one: Work) -> float:
        """The share of passes besides their tokens in some work."""
        return min(1.0, self.per_pass * one.passes / one.seconds) if one.seconds else 0.0

    def of(self, passes: float, tokens: float, steps: float = 0.0) -> float:
        """The seconds of so much work."""
        return passes * self.per_pass + tokens * self.per_token + steps * self.per_step


@dataclass(frozen=True)
class Kind:
    """How fast trials of a method are. `setup` are seconds of each trial besides steps and
    evaluations, and `warm_up` what the first of a process takes longer. They were measured
    `checkpointed` or not; with the other setting a step takes `checkpointing` times as long, if
    that was measured."""

    training: Speed
    evaluation: Speed
    setup: float = 0.0
    checkpointed: bool = False
    checkpointing: float | None = None
    warm_up: float = 0.0

    def factor(self, config: TrialConfig) -> float:
        """The seconds of a trial's step in those of the measured ones."""
        if config.gradient_checkpointing == self.checkpointed:
            return 1.0
        usual = 1 / _CHECKPOINTING if self.checkpointed else _CHECKPOINTING
        return self.checkpointing or usual


@dataclass(frozen=True)
class Validation:
    """What an evaluation goes through; at points before a trial's end, a share of it."""

    rows: int
    tokens: float
    before_end: float = 1.0


@dataclass(frozen=True)
class Prices:
    """The seconds of any trial. Methods that were not measured cost as the slowest that was."""

    kinds: Mapping[str, Kind]
    validation: Validation
    generation: float
    workers: int
    work: Callable[[Mapping[str, object]], tuple[float, int]]

    def of(self, config: TrialConfig, params: Mapping[str, Value]) -> float:
        """The seconds of a whole trial."""
        kind, points = self._kind(config), config.budget.evaluations
        if not config.tunes.trains:
            return self._evaluation(kind, config) + self.generation
        times = 1 + (points - 1) * self.validation.before_end
        measuring = times * self._evaluation(kind, config)
        writing = config.evaluation.times(points) * self.generation
        _, passes = split_step(config, self.workers)
        tokens, steps = self.work(params)
        training = kind.training.of(steps * passes, tokens / self.workers, steps)
        return kind.setup + training * kind.factor(config) + measuring + writing

    @property
    def warm_up(self) -> float:
        """What a slot takes longer for its first trials, one of each kind."""
        return sum(each.warm_up for each in self.kinds.values())

    def _evaluation(self, kind: Kind, config: TrialConfig) -> float:
        rows, tokens = self.validation.rows, self.validation.tokens
        passes = math.ceil(rows / self.workers / config.micro_batch_size)
        return kind.evaluation.of(passes, tokens / self.workers)

    def _kind(self, config: TrialConfig) -> Kind:
        slowest = max(self.kinds.values(), key=lambda each: each.training.per_token)
        return self.kinds.get(config.method, slowest)


def with_twice_the_batch(config: TrialConfig) -> TrialConfig:
    """The same trial with twice as many passes in a step."""
    micro, _ = split_step(config, 1)
    return config.with_params({"micro_batch_size": micro, "batch_size": 2 * config.batch_size})


def with_half_the_micro_batch(config: TrialConfig) -> TrialConfig | None:
    """The same trial in twice as many passes; None if it has single examples already."""
    micro, _ = split_step(config, 1)
    return config.with_params({"micro_batch_size": micro // 2}) if micro > 1 else None

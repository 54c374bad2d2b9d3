"""Short trials, trained to be timed: what a step, an evaluation and a trial's setup take."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from sweeps.caps.speeds import (
    Course,
    Kind,
    Speed,
    Work,
    with_half_the_micro_batch,
    with_twice_the_batch,
)
from sweeps.planning.edits import CHECKPOINTING
from trainables.config.budget import TrialBudget
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Monitor, Outcome, Verdict

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop

STEPS = 5
"""Number of optimizer steps; the first one is a warm-up and not timed."""


class Stopwatch(Monitor):
    """Records the end of each optimizer step and of the evaluation after the last."""

    def __init__(self) -> None:
        self.last: Evaluation | None = None
        self._steps: list[float] = []
        self._evaluated = 0.0

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep the evaluation."""
        self.last, self._evaluated = evaluation, time.monotonic()
        return Verdict()

    def asked_to_end(self) -> Ending | None:
        """Called after each step and before an evaluation, so evaluations are not timed."""
        self._steps.append(time.monotonic())
        return None

    @property
    def seconds_per_step(self) -> float:
        """The mean over all steps but the first: a trial has its slow ones, too."""
        return statistics.fmean(later - earlier for earlier, later in pairwise(self._steps))

    @property
    def evaluation_seconds(self) -> float:
        """Of the evaluation, without answers."""
        assert self.last is not None, "asked after a trial that was complete"
        whole = self._evaluated - self._steps[-1]
        return max(0.0, whole - self.last.cost.generation_seconds)


def shortened(config: TrialConfig) -> TrialConfig:
    """The trial with a few steps and one evaluation."""
    budget = TrialBudget(steps=STEPS, evaluations=1)
    return config.model_copy(update={"budget": budget})


def course_of(workshop: Workshop, config: TrialConfig) -> Course:
    """What such trials take."""
    watch = Stopwatch()
    outcome = workshop.train(shortened(config), watch)
    return course_seen(workshop, config, watch, outcome)


def course_seen(
    workshop: Workshop, config: TrialConfig, watch: Stopwatch, outcome: Outcome
) -> Course:
    """The same, of a shortened trial that was watched."""
    plan = workshop.plan(shortened(config), workers=1)
    tokens = float(plan.tokens_after[-1] - plan.tokens_after[1]) / (STEPS - 1)
    step = watch.seconds_per_step
    rows = workshop.validation_set
    passes = math.ceil(len(rows) / config.micro_batch_size)
    evaluation = Work(watch.evaluation_seconds, passes, float(rows.lengths.sum()))
    training = Work(step, plan.accumulation, tokens)
    known = STEPS * step + watch.evaluation_seconds + outcome.cost.generation_seconds
    return Course(training, evaluation, max(0.0, outcome.cost.seconds - known))


def kind_of(
    workshop: Workshop, config: TrialConfig, known: Course | None, searched: Container[str]
) -> Kind:
    """How fast trials like this one are, by their course at two micro-batch sizes; and at two batch
    sizes and with and without gradient checkpointing, if these are `searched`."""
    whole = known or course_of(workshop, config)
    half = with_half_the_micro_batch(config)
    halved = course_of(workshop, half) if half else None
    factor = doubled = None
    if "batch_size" in searched:
        doubled = course_of(workshop, with_twice_the_batch(config)).step
    if CHECKPOINTING in searched:
        other = config.model_copy(update={CHECKPOINTING: not config.gradient_checkpointing})
        factor = course_of(workshop, other).step.seconds / whole.step.seconds
    return Kind(
        training=Speed.through(whole.step, halved.step if halved else None, doubled),
        evaluation=Speed.through(whole.evaluation, halved.evaluation if halved else None),
        # The first of a process also loads what later ones find loaded.
        setup=min(each.setup for each in (whole, halved) if each),
        checkpointed=config.gradient_checkpointing,
        checkpointing=factor,
    )


@contextmanager
def threads(cpus: float | None) -> Iterator[None]:
    """Compute with as many threads as a worker with so many CPUs; None leaves them."""
    import torch

    before = torch.get_num_threads()
    if cpus is not None:
        torch.set_num_threads(max(1, int(cpus)))
    try:
        yield
    finally:
        torch.set_num_threads(before)

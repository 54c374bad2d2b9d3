"""Short trials, trained to be timed: what a step, an evaluation and a trial's setup take."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
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
    from trainables.training.plan import Plan
    from trainables.training.workshop import Workshop

STEPS = 5
"""Number of optimizer steps; the first one is a warm-up and not timed."""

_FEWER, _SLOW = 3, 2.0
"""Number of steps where one takes so many seconds: over many passes, each is a mean itself."""

_SLOW_EVALUATION = 5.0
"""Seconds of an evaluation that is not repeated with other micro-batches."""

_MOST_WRITTEN = 2**30
"""Bytes of trained weights that are written to be timed."""


_FIRST_PASSES = 10.0
"""Seconds that the first passes of a process may take longer."""


class Stopwatch(Monitor):
    """Records the end of each optimizer step and of the evaluation after the last, for which it
    has the weights written to a `folder`, as the best of a sweep's are. After step `last` the trial
    ends without an evaluation."""

    def __init__(self, folder: Path | None = None, last: int | None = None) -> None:
        self.last: Evaluation | None = None
        self._folder = folder
        self._last_step = last
        self._steps: list[float] = []
        self._evaluated = 0.0

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep the evaluation."""
        self.last, self._evaluated = evaluation, time.monotonic()
        trained = 4 * evaluation.cost.trainable_parameters
        if self._folder is None or trained > _MOST_WRITTEN:
            return Verdict()
        return Verdict(weights=self._folder / "weights", losses=self._folder / "losses.npz")

    def asked_to_end(self) -> Ending | None:
        """Called after each step and before an evaluation, so evaluations are not timed."""
        self._steps.append(time.monotonic())
        return Ending.STOPPED if len(self._steps) == self._last_step else None

    @property
    def steps(self) -> int:
        """The number of steps so far."""
        return len(self._steps)

    @property
    def seconds_per_step(self) -> float:
        """The mean over all steps but the first: a trial has its slow ones, too."""
        return statistics.fmean(later - earlier for earlier, later in pairwise(self._steps))

    @property
    def evaluation_seconds(self) -> float:
        """Of the evaluation, without answers; 0 before it."""
        if self.last is None:
            return 0.0
        whole = self._evaluated - self._steps[-1]
        return max(0.0, whole - self.last.cost.generation_seconds)


def steps_to_time(config: TrialConfig, seconds: float) -> int:
    """The number of steps to train where one takes about so many seconds. Of trials that learn
    from their own answers all, since only some steps have answers written."""
    return _FEWER if seconds > _SLOW and not config.learns.rolls_out else STEPS


def shortened(config: TrialConfig, steps: int = STEPS) -> TrialConfig:
    """The trial with a few steps and one evaluation."""
    budget = TrialBudget(steps=steps, evaluations=1)
    return config.model_copy(update={"budget": budget})


def course_of(
    workshop: Workshop, config: TrialConfig, steps: int = STEPS, evaluates: bool = True
) -> Course:
    """What such trials take."""
    watch, outcome = watched(workshop, config, steps, evaluates)
    return course_seen(workshop, config, watch, outcome)


def watched(
    workshop: Workshop, config: TrialConfig, steps: int, evaluates: bool = True
) -> tuple[Stopwatch, Outcome]:
    """A shortened trial, trained with or without its evaluation."""
    with TemporaryDirectory(prefix="timed-") as folder:
        watch = Stopwatch(Path(folder), None if evaluates else steps)
        return watch, workshop.train(shortened(config, steps), watch)


def course_seen(
    workshop: Workshop, config: TrialConfig, watch: Stopwatch, outcome: Outcome
) -> Course:
    """The same, of a shortened trial that was watched."""
    plan = workshop.plan(shortened(config, watch.steps), workers=1)
    tokens = float(plan.tokens_after[-1] - plan.tokens_after[1]) / (watch.steps - 1)
    step = watch.seconds_per_step
    rows = workshop.validation_set
    passes = math.ceil(len(rows) / config.micro_batch_size)
    evaluation = Work(watch.evaluation_seconds, passes, float(rows.lengths.sum()))
    training = Work(step, plan.accumulation, tokens)
    known = watch.steps * step + watch.evaluation_seconds + outcome.cost.generation_seconds
    setup = max(0.0, outcome.cost.seconds - known)
    return Course(training, evaluation if watch.last else None, setup)


def kind_of(
    workshop: Workshop, config: TrialConfig, known: Course | None, searched: Container[str]
) -> Kind:
    """How fast trials like this one are, by their course at two micro-batch sizes; and at two batch
    sizes and with and without gradient checkpointing, if these are `searched`."""
    whole = known or course_of(workshop, config)
    assert whole.evaluation is not None, "it was trained to its end"
    steps = steps_to_time(config, whole.step.seconds)
    again = whole.evaluation.seconds < _SLOW_EVALUATION
    half = with_half_the_micro_batch(config)
    halved = course_of(workshop, half, steps, evaluates=again) if half else None
    factor = doubled = None
    if "batch_size" in searched:
        twice = with_twice_the_batch(config)
        doubled = course_of(workshop, twice, steps, evaluates=False).step
    if CHECKPOINTING in searched:
        other = config.model_copy(update={CHECKPOINTING: not config.gradient_checkpointing})
        seconds = course_of(workshop, other, steps, evaluates=False).step.seconds
        factor = seconds / whole.step.seconds
    training = Speed.through(whole.step, halved.step if halved else None, doubled)
    evaluation = (
        Speed.through(whole.evaluation, halved.evaluation)
        if halved and halved.evaluation
        else Speed.alike(whole.evaluation, training.share_of_passes(whole.step))
    )
    # The first of a process also loads what later ones find loaded.
    setup = min(each.setup for each in (whole, halved) if each)
    return Kind(
        training=training,
        evaluation=evaluation,
        setup=setup,
        checkpointed=config.gradient_checkpointing,
        checkpointing=factor,
        warm_up=whole.setup - setup,
    )


def least_of_trial(config: TrialConfig, base: Evaluation) -> float:
    """What no trial takes less than: its evaluations, with other micro-batches in half the time of
    the base's, of which the first passes of a process may be a part."""
    seconds = base.cost.seconds - base.cost.generation_seconds - _FIRST_PASSES
    whole = config.budget.evaluations if config.evaluation.examples == "all" else 1
    return whole * max(0.0, seconds) / 2


def seconds_of_step(workshop: Workshop, plan: Plan, base: Evaluation) -> float:
    """About how long a step takes, by the evaluation of the base: forward once, and backward for
    twice as long."""
    evaluated = float(workshop.validation_set.lengths.sum())
    tokens = float(plan.tokens_after[-1]) / plan.steps
    seconds = base.cost.seconds - base.cost.generation_seconds
    return 3 * seconds * tokens / evaluated if evaluated else 0.0


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

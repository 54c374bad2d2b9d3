"""Messages between the board and a slot: an order, and the answers to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation

WEIGHTS = "best"
"""In a job's folder: the trained part at the trial's best evaluation."""

CHECKPOINTS = "checkpoints"
"""In a job's folder: the checkpoints from which the trial resumes after an interruption."""

LOSSES = "sequence_losses.npz"
"""In a job's folder: the loss of each validation example at the trial's best evaluation."""

ANSWERS = "answers"
"""In a job's folder: answers generated at its best evaluation, or at the latest with any."""


class JobKind(StrEnum):
    """The kind of work that a slot is asked to do."""

    TRAIN = "train"
    MEASURE_BASE = "measure_base"
    TEST = "test"
    TEST_BASE = "test_base"


@dataclass(frozen=True)
class Forking:
    """A trial that shares its first steps with others: it begins at the latest fork in `folder` on
    its way, and writes one after each of `steps`."""

    folder: Path
    steps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """One trial's order: `folder` is where the slot may write files.

    A test measures the weights that a trial left in `folder`, or the base. `seen` are the trial's
    evaluations from before an interruption. With `keeps`, the weights of its best evaluation are
    kept whatever other trials have reached. `alone` is whether it must not share a base with others
    (again). `forking` is unset for a trial that shares no steps.
    """

    trial_id: str
    config: TrialConfig
    folder: Path
    kind: JobKind = JobKind.TRAIN
    seen: tuple[Evaluation, ...] = ()
    keeps: bool = False
    alone: bool = False
    forking: Forking | None = None


class Closed:
    """The answer to a slot when no more jobs will come."""


@dataclass(frozen=True)
class Reply:
    """The board's answer to an evaluation: whether the trial goes on, whether the evaluation is its
    best so far, and whether it might win the sweep."""

    go_on: bool
    is_best: bool
    may_win: bool

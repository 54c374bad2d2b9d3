"""What passes between the board and a slot: an order, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Evaluation

WEIGHTS = "best"
"""In a job's folder: the trained part as it was at the trial's best evaluation."""

CHECKPOINTS = "checkpoints"
"""In a job's folder: from where the trial goes on after an interruption."""

LOSSES = "sequence_losses.npz"
"""In a job's folder: the loss of each validation example at the trial's best evaluation."""


class JobKind(StrEnum):
    """What a slot is asked to do."""

    TRAIN = "train"
    MEASURE_BASE = "measure_base"
    TEST = "test"
    TEST_BASE = "test_base"


@dataclass(frozen=True)
class Job:
    """One trial's order: `folder` is where the slot may leave files.

    A test measures what a trial has left in `folder`, or the base. `seen` was measured of the trial
    before its sweep was interrupted.
    """

    trial_id: str
    config: TrialConfig
    folder: Path
    kind: JobKind = JobKind.TRAIN
    seen: tuple[Evaluation, ...] = ()


class Closed:
    """What a slot is told when no more jobs will come."""


@dataclass(frozen=True)
class Reply:
    """The board's answer to an evaluation: whether the trial goes on, whether the evaluation is its
    best so far, and whether it might win the sweep."""

    go_on: bool
    is_best: bool
    may_win: bool

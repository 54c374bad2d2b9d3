"""Messages between a trial and its runner: evaluations out, verdicts in, one outcome.

The same classes serve a plain process, a slot and the toy trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path


class Ending(StrEnum):
    """How a trial ended, as seen by the process that trained it."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    SUSPENDED = "suspended"
    DIVERGED = "diverged"
    FAILED = "failed"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, slots=True)
class AnswersCost:
    """Seconds in which answers were generated and scored, and what judges took for it: tokens, and
    dollars if their prices are known."""

    generation_seconds: float = 0.0
    judge_tokens: int = 0
    judge_dollars: float = 0.0

    def __add__(self, other: AnswersCost) -> AnswersCost:
        return AnswersCost(
            self.generation_seconds + other.generation_seconds,
            self.judge_tokens + other.judge_tokens,
            self.judge_dollars + other.judge_dollars,
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """A trial's usage so far.

    `seconds` is wall time since the trial began, evaluations included; `tokens` are training tokens
    over all workers, without padding; `peak_memory_bytes` is, for one worker, the allocator's peak
    on a GPU and the largest resident size seen on a CPU. `generation_seconds` is the part of
    `seconds` in which answers were generated and scored; see AnswersCost. `kernels` says how the
    model was computed, as far as that changes time and memory only. `lanes` is the largest number
    of trials that trained on the same base at the same time. The first `shared_steps` steps were
    trained by another trial, which took the `shared_seconds` and `shared_tokens` in these totals.
    `loading_seconds`, beside `seconds`, went into loading the base; 0 where a slot had it.
    """

    seconds: float = 0.0
    tokens: int = 0
    peak_memory_bytes: int = 0
    trainable_parameters: int = 0
    total_parameters: int = 0
    generation_seconds: float = 0.0
    kernels: Mapping[str, str] = field(default_factory=dict)
    lanes: int = 1
    judge_tokens: int = 0
    judge_dollars: float = 0.0
    shared_steps: int = 0
    shared_seconds: float = 0.0
    shared_tokens: int = 0
    loading_seconds: float = 0.0

    def with_answers(self, spent: AnswersCost) -> Cost:
        """The same with what answers took."""
        return replace(
            self,
            generation_seconds=spent.generation_seconds,
            judge_tokens=spent.judge_tokens,
            judge_dollars=spent.judge_dollars,
        )

    @property
    def tokens_per_second(self) -> float:
        """Training tokens over wall time; 0 before any time has passed."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The number of a trial's try and its device; 0 before any slot took it.

    `micro_batch_size` is set if the trial's own did not fit into memory.
    """

    number: int = 0
    device: str = ""
    micro_batch_size: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One measurement on the validation set.

    `point` counts from 1 to budget.evaluations, `step` counts optimizer steps. `metrics` are of the
    whole set. With evaluation.examples, `subset` are those of the same part of it in all trials,
    and a trial that is measured on that alone has no other metrics.
    """

    point: int
    step: int
    metrics: Mapping[str, float]
    cost: Cost = Cost()
    attempt: Attempt = field(default=Attempt(), compare=False)
    subset: Mapping[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the whole set was measured, so that the evaluation can be a trial's result."""
        return not self.subset or bool(self.metrics)

    @property
    def compared(self) -> Mapping[str, float]:
        """The metrics by which trials are compared under way, all on the same examples."""
        return self.subset or self.metrics

    @property
    def shared(self) -> bool:
        """Whether it was made by another trial, with which this one has its first steps."""
        return 0 < self.step <= self.cost.shared_steps


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to an evaluation.

    `go_on` is whether the trial may train further. `weights` is a folder for the trained part,
    `losses` a file for the loss of each validation sequence; None if they need not be kept.
    `answers` is a folder for generated answers: those of the evaluation for which losses are kept,
    or, if it had none, of the latest.
    """

    go_on: bool = True
    weights: Path | None = None
    losses: Path | None = None
    answers: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final state of a trial; `error` is the reason if it ended badly. One `out_of_memory` says
    the `micro_batch_size` that was too much, which its config leaves open where it grows."""

    ending: Ending
    cost: Cost = Cost()
    error: str | None = None
    out_of_memory: bool = False
    micro_batch_size: int | None = None
    attempt: Attempt = field(default=Attempt(), compare=False)


class Monitor:
    """Watches a trial; this base class lets it run. Only rank 0 calls it."""

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Record an evaluation and rule on the trial."""
        return Verdict()

    def wants_whole(self, evaluation: Evaluation) -> bool:
        """Whether a trial that was measured on a part is to be measured on the rest as well,
        because the evaluation may become its result."""
        return False

    def heard(self) -> int | None:
        """The number of evaluations on record from an earlier try; None: all that were made. All
        ranks call it."""
        return None

    def written(self, path: Path) -> None:
        """Note that a file or folder requested by a verdict is complete."""

    def asked_to_end(self) -> Ending | None:
        """STOPPED if the trial is to be dropped, SUSPENDED if it is to be laid aside, else None.

        Called after each optimizer step; must be cheap.
        """
        return None


class DivergedError(ArithmeticError):
    """A loss that is not finite."""

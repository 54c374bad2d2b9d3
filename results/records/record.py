"""Records of trials and sweeps: frozen values that survive JSON unchanged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from results.records.branch import Branch
from results.records.prior import Prior
from results.records.record_value import Count, Record, Uri, Values

Mode = Literal["min", "max"]
"""Whether a smaller or a larger value of the metric is better."""

TrialKey = int | str
"""What tells a trial apart within its sweep, confirmations included."""

CONFIRMATION = "confirmation-"
"""Prefix of a confirmation's key."""


class TrialStatus(StrEnum):
    """The status of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    INFEASIBLE = "infeasible"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether the trial gets no more measurements; an interrupted one may continue."""
        return not self.under_way and self is not TrialStatus.INTERRUPTED

    @property
    def under_way(self) -> bool:
        """Whether the trial has a slot or waits for one."""
        return self in (TrialStatus.WAITING, TrialStatus.RUNNING)

    @property
    def can_win(self) -> bool:
        """Whether the trial had its whole budget, so that it is comparable."""
        return self is TrialStatus.COMPLETE

    @property
    def mlflow(self) -> str:
        """The name of MLflow's RunStatus."""
        return _IN_MLFLOW[self]


# MLflow has no status for a pruned trial. KILLED tells it apart from a failed one in lists.
_IN_MLFLOW: Mapping[TrialStatus, str] = {
    TrialStatus.WAITING: "SCHEDULED",
    TrialStatus.RUNNING: "RUNNING",
    TrialStatus.COMPLETE: "FINISHED",
    TrialStatus.PRUNED: "KILLED",
    TrialStatus.DIVERGED: "FAILED",
    TrialStatus.FAILED: "FAILED",
    TrialStatus.INFEASIBLE: "FAILED",
    TrialStatus.INTERRUPTED: "KILLED",
}


class SweepState(StrEnum):
    """The state of a sweep."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether the sweep has stopped until it is resumed."""
        return self is not SweepState.RUNNING

    @property
    def mlflow(self) -> str:
        """The name of MLflow's RunStatus."""
        return _SWEEP_IN_MLFLOW[self]


_SWEEP_IN_MLFLOW: Mapping[SweepState, str] = {
    SweepState.RUNNING: "RUNNING",
    SweepState.COMPLETE: "FINISHED",
    SweepState.INTERRUPTED: "KILLED",
    SweepState.FAILED: "FAILED",
}


class Measurement(Record):
    """One evaluation: `point` counts from 1, `step` in optimizer steps, `tokens` trained on,
    `seconds` since the trial began. Metrics may be NaN or infinite.

    `metrics` are of the whole validation set. With evaluation.examples, `subset` are those of the
    part of it by which trials are compared under way; of a trial that was measured on that alone,
    there are no others.
    """

    point: Count
    step: Count
    tokens: Count
    seconds: float
    metrics: dict[str, float]
    subset: dict[str, float] = Field(default_factory=dict)

    @property
    def compared(self) -> dict[str, float]:
        """The metrics by which trials are compared under way, all on the same examples."""
        return self.subset or self.metrics


class Provenance(Record):
    """The origin of a trial. Names no host and no user. `metric_files` are hashes of the files of
    own metrics; `winners` are the models taken from earlier sweeps, by field."""

    seed: int
    git_commit: str | None = None
    git_dirty: bool | None = None
    data_fingerprint: str = ""
    model_fingerprint: str = ""
    metric_files: dict[str, str] = Field(default_factory=dict)
    winners: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    device: str = ""


class Overlap(Record):
    """Number of a measured set's `records` that trials also learn from."""

    shared: Count
    records: Count


class TrialRecord(Record):
    """One trial. `params` are the searched values, `config` all resolved ones, by dotted name.

    `measurements` are in order of time, without those undone by a retry. `started` and `ended` are
    in unix seconds; the totals cover all attempts' useful work, and `generation_seconds` is the
    part of `seconds` in which answers were generated and scored, for which judges took
    `judge_tokens` and `judge_dollars`. Beside them, the base was loaded for `loading_seconds`, 0 in
    a slot that had it. `lanes` is the largest number of trials that shared the base at the same
    time; they share the seconds, too. `attempts` is the number of times that a slot started the
    trial, without attempts unreported before a kill of the sweep; 0 if there were none. `repairs`
    are settings that had to differ from `config` for the trial to fit into memory, without changing
    its meaning: {"micro_batch_size": 4}. `kernels` says how the model was computed, as far as that
    changes time and memory only: {"logits": "targets"}. `test` has the test-set metrics of a
    winner's kept weights, if there is a test set. A confirmation trains trial `confirms` again with
    fresh seeds, those of number `repeat`, from 1; confirmations are numbered by themselves. A
    user's own trial is `added_by_hand`, maybe `cloned_from` another; one that a user ended early is
    `stopped_by_hand`. A `branch` shares its first steps with other trials, which have taken the
    seconds and tokens of these.
    """

    sweep: str
    number: Count
    status: TrialStatus
    params: Values = Field(default_factory=dict)
    config: Values = Field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    test: dict[str, float] = Field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    tokens: Count = 0
    tokens_per_second: float = 0.0
    peak_memory_bytes: Count = 0
    trainable_parameters: Count = 0
    total_parameters: Count = 0
    generation_seconds: float = 0.0
    judge_tokens: Count = 0
    judge_dollars: float = 0.0
    loading_seconds: float = 0.0
    lanes: Count = 1
    attempts: Count = 0
    repairs: dict[str, int] = Field(default_factory=dict)
    added_by_hand: bool = False
    cloned_from: Count | None = None
    stopped_by_hand: bool = False
    branch: Branch | None = None
    kernels: dict[str, str] = Field(default_factory=dict)
    provenance: Provenance | None = None
    run_id: str | None = None
    started: float | None = None
    ended: float | None = None
    confirms: Count | None = None
    repeat: Count = 0

    @property
    def key(self) -> TrialKey:
        """What tells it apart within its sweep: its number, or `confirmation-3`."""
        return self.number if self.confirms is None else f"{CONFIRMATION}{self.number}"

    @property
    def trial(self) -> int:
        """The number of its trial: its own, or that of the confirmed one."""
        return self.number if self.confirms is None else self.confirms

    @property
    def called(self) -> str:
        """Its name in messages: `trial 7`, or `seed 2 of trial 7` for a confirmation."""
        if self.confirms is None:
            return f"trial {self.number}"
        return f"seed {self.repeat} of trial {self.confirms}"

    @property
    def whole_seconds(self) -> float:
        """Its seconds, with those of the steps that another trial trained for it."""
        return self.seconds + (self.branch.seconds if self.branch else 0.0)

    @property
    def whole_tokens(self) -> int:
        """Its tokens, with those of the steps that another trial trained for it."""
        return self.tokens + (self.branch.tokens if self.branch else 0)

    def laid_aside(self) -> TrialRecord:
        """The record once nothing trains it: interrupted if it has not ended."""
        if self.status.ended:
            return self
        return self.with_changes(status=TrialStatus.INTERRUPTED)

    def best(self, metric: str, mode: Mode) -> Measurement | None:
        """The best evaluation, the earliest of equals; None without a finite value."""
        finite = [m for m in self.measurements if math.isfinite(m.metrics.get(metric, math.nan))]
        pick = min if mode == "min" else max
        return pick(finite, key=lambda m: m.metrics[metric], default=None)

    def counted(self, goals: Mapping[str, Mode]) -> Measurement | None:
        """The evaluation that counts: the best with a single metric, the last with several.

        The best values of several metrics may be from different moments, so that no single model
        has them all.
        """
        if len(goals) > 1:
            return self.last()
        ((metric, mode),) = goals.items()
        return self.best(metric, mode)

    def last(self) -> Measurement | None:
        """The latest evaluation."""
        return self.measurements[-1] if self.measurements else None


class Edit(Record):
    """An edit of the search before trial 1: trials like `point` get the `changes`, settings with
    which they fit the GPU; without any they are taken out. `why` is in words."""

    point: Values
    changes: dict[str, int] = Field(default_factory=dict)
    why: str


class ReachedCap(Record):
    """The cap that ended a sweep, by its name below `budget`: "hours", "target.eval_loss"; and the
    reason in words."""

    cap: str
    why: str


class SweepRecord(Record):
    """One sweep. `base` has the untouched base model's metrics; empty if unknown, and with `test_`
    names if there is a test set.

    `asked_trials` is the spec's budget.trials if the space has fewer combinations, which are then
    `budget_trials`. `pid` is the process on `host` that drives the sweep; a sweep "running" without
    it was killed. `resumed` are the times of its resumes, and `changes` the changes to its spec
    then. `folder` is the working folder of its launch, the base of relative paths in its spec.
    `tracking_uri` has no credentials; `tracking_source` is the field or the variable that named it,
    None for the sweep home's own. `error` says why a sweep failed; `breakdowns` are failures
    outside of trials after which it continued. With `other_metrics` the sweep is for the Pareto
    front of all of its metrics. `overlaps` are of the sets (validation, test, general) that share
    records with the training data; empty if none does. `caps` are limits on the whole sweep by
    their names below `budget`, and `reached` is the one that ended it. Without a number of trials,
    `budget_trials` is None. `quote` has the fields of a dry run's Quote, if there was one;
    `method_choice` those of a MethodChoice, for `method: auto`. `seconds_before` are the wall-clock
    seconds of its parts before the last resume. `edits` of the search hold for all its parts.
    `rows_left_out` and `rows_adjusted` are numbers of rows in the data files, by reason: rows not
    used, rows read with an allowance. `warm_start` says what was taken over from each earlier
    sweep; `priors` are the values that it began around. Judges took `judge_tokens` and
    `judge_dollars` for the base and the test set, and loading the base took `loading_seconds`;
    those of trials are in theirs.
    """

    name: str
    state: SweepState
    error: str | None = None
    metric: str
    mode: Mode
    other_metrics: dict[str, Mode] = Field(default_factory=dict)
    base: dict[str, float] = Field(default_factory=dict)
    budget_trials: Count | None = None
    asked_trials: Count | None = None
    caps: dict[str, float] = Field(default_factory=dict)
    reached: ReachedCap | None = None
    seconds_before: float = 0.0
    quote: dict[str, float] = Field(default_factory=dict)
    method_choice: Values = Field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    created: float
    ended: float | None = None
    resumed: tuple[float, ...] = ()
    changes: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = ()
    run_id: str | None = None
    experiment: str | None = None
    tracking_uri: Uri | None = None
    tracking_source: str | None = None
    seed: int | None = None
    pid: Annotated[int, Field(gt=0)] | None = None
    host: str | None = None
    folder: str | None = None
    overlaps: dict[str, Overlap] = Field(default_factory=dict)
    rows_left_out: dict[str, Count] = Field(default_factory=dict)
    rows_adjusted: dict[str, Count] = Field(default_factory=dict)
    warm_start: tuple[str, ...] = ()
    priors: tuple[Prior, ...] = ()
    judge_tokens: Count = 0
    judge_dollars: float = 0.0
    loading_seconds: float = 0.0
    provenance: Provenance | None = None

    @property
    def so_far(self) -> str:
        """ " so far" for results of a sweep that is running, else nothing."""
        return " so far" if self.state is SweepState.RUNNING else ""

    @property
    def began(self) -> float:
        """When its latest part began: its launch, or its last resume."""
        return self.resumed[-1] if self.resumed else self.created

    def expected(self, trials: Iterable[TrialRecord]) -> int | None:
        """The number of trials at the sweep's end: its budget, and those added by hand."""
        if self.budget_trials is None:
            return None
        return self.budget_trials + sum(trial.added_by_hand for trial in trials)

    @property
    def goals(self) -> dict[str, Mode]:
        """All metrics of the search with their modes, `metric` first."""
        return {self.metric: self.mode, **self.other_metrics}

"""Winners of a sweep, and reasons for the trials left out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from results.ranking.figures import latest
from results.ranking.reason_text import shortened
from results.records.record import Measurement, Mode, TrialRecord, TrialStatus


@dataclass(frozen=True, slots=True)
class Winner:
    """A complete trial with the evaluation used in comparisons.

    `value` is its value of the sweep's (first) metric; `tied_with` are the numbers of equal trials.
    """

    record: TrialRecord
    best: Measurement
    value: float
    tied_with: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A trial that is not ranked, and the reason in words.

    `dominated_by`, with several metrics, is a trial that is better by at least one and nowhere
    worse.
    """

    number: int
    status: TrialStatus
    why: str
    dominated_by: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The winners by `goals`, metric -> mode, and the trials left out, by number.

    With one metric, `winners` are all comparable trials, best first. With several, they are the
    Pareto front, in the order of the first metric.
    """

    goals: Mapping[str, Mode]
    winners: tuple[Winner, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def several(self) -> bool:
        """Whether there are several metrics, so that the winners are a front."""
        return len(self.goals) > 1

    @property
    def trials(self) -> int:
        """Number of all trials, ranked or not."""
        return len(self.winners) + len(self.left_out)

    @property
    def chosen(self) -> tuple[Winner, ...]:
        """The trials whose weights are worth keeping: the best one, or the whole front."""
        return self.winners if self.several else self.winners[:1]


@dataclass(frozen=True, slots=True)
class Margin:
    """The lead of a winner, in units of the metric; positive is better, None is unknown."""

    to_next: float | None
    to_base: float | None


def rank(records: Sequence[TrialRecord], metric: str, mode: Mode) -> Ranking:
    """Complete trials by their best evaluation; among equals, earlier trials first."""
    entrants: list[Winner] = []
    left_out: list[LeftOut] = []
    for record in sorted(records, key=lambda record: record.number):
        best = record.best(metric, mode) if record.status.can_win else None
        if best is None:
            why = reason(record, metric)
            left_out.append(LeftOut(record.number, record.status, why))
        else:
            entrants.append(Winner(record, best, best.metrics[metric]))
    # Sorting is stable, even in reverse, so equals stay in the order of their numbers.
    entrants.sort(key=lambda winner: winner.value, reverse=mode == "max")
    return Ranking({metric: mode}, _with_ties(entrants), tuple(left_out))


def _with_ties(entrants: Sequence[Winner]) -> tuple[Winner, ...]:
    numbers: dict[float, list[int]] = defaultdict(list)
    for winner in entrants:
        numbers[winner.value].append(winner.record.number)
    return tuple(
        Winner(
            winner.record,
            winner.best,
            winner.value,
            tuple(n for n in numbers[winner.value] if n != winner.record.number),
        )
        for winner in entrants
    )


def margin(first: Winner, second: Winner | None, base: float | None, mode: Mode) -> Margin:
    """The lead of `first` over the next trial and the untouched base model."""
    return Margin(
        to_next=_lead(first.value, second.value if second else None, mode),
        to_base=_lead(first.value, base, mode),
    )


def _lead(value: float, other: float | None, mode: Mode) -> float | None:
    if other is None or not math.isfinite(other):
        return None
    return other - value if mode == "min" else value - other


def reason(record: TrialRecord, metric: str) -> str:
    """Why a trial cannot be ranked by `metric`."""
    match record.status:
        case TrialStatus.WAITING:
            return "not started yet"
        case TrialStatus.RUNNING:
            return "still running"
        case TrialStatus.INTERRUPTED:
            return "interrupted; it goes on when the sweep is resumed"
        case TrialStatus.PRUNED:
            return _why_pruned(record, metric)
        case TrialStatus.DIVERGED:
            return _why_diverged(record, metric)
        case TrialStatus.FAILED | TrialStatus.INFEASIBLE:
            return f"{record.status}: {_short(record.error)}"
        case TrialStatus.COMPLETE:
            return _why_unmeasured(record, metric)


def failure(records: Sequence[TrialRecord]) -> str | None:
    """Why a sweep has failed, once all its trials have ended; None if any did not fail."""
    failed = (TrialStatus.FAILED, TrialStatus.INFEASIBLE)
    if any(record.status not in failed for record in records):
        return None
    first = min(records, key=lambda record: record.ended or 0.0, default=None)
    if first is None:
        return "no trial was run"
    return f"all {len(records)} trials failed, trial {first.number} first: {_short(first.error)}"


def _why_pruned(record: TrialRecord, metric: str) -> str:
    last, how = record.last(), "stopped by hand" if record.stopped_by_hand else "pruned"
    if record.error:
        return f"{how}: {_short(record.error)}"
    if last is None:
        return f"{how} before its first evaluation"
    total = record.config.get("budget.evaluations")
    words = f"{how} after evaluation {last.point}" + (f" of {total}" if total else "")
    value = latest(last, metric)
    return words + (f" at {metric} {value}" if value else "")


def _why_diverged(record: TrialRecord, metric: str) -> str:
    for measurement in record.measurements:
        found = measurement.compared
        names = sorted(found, key=lambda name: name != metric)
        for name in names:
            if not math.isfinite(found[name]):
                value = _word(found[name])
                return f"diverged: {name} was {value} at step {measurement.step}"
    return f"diverged: {_short(record.error)}"


def _why_unmeasured(record: TrialRecord, metric: str) -> str:
    if any(metric in measurement.metrics for measurement in record.measurements):
        return f"complete but {metric} was never a finite number"
    return f"complete but never measured {metric}"


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:g}"


def _short(error: str | None) -> str:
    """The line with the error: the last one of a traceback, else the first."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    if not lines:
        return "no reason was recorded"
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return shortened(line)

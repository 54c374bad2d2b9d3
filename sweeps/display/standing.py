"""The state of a sweep while its trials run: records and progress of slots. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from results.ranking.front import judge
from results.ranking.winners import Winner, reason
from results.records.cluster_record import ClusterRecord, LaneRecord
from results.records.record import SweepRecord, TrialRecord, TrialStatus
from sweeps.display.duration import so_far
from sweeps.display.reasons import TROUBLE, grouped
from sweeps.display.underway import described, phases_of, slots_up

_NAMED = 4
"""Maximum number of running trials named in a line; others are counted."""

LATEST = 8
"""Ended trials that are shown, the latest ones."""

_TOO_EARLY = 0.05
"""Minimum number of finished trials for an estimate of the pace."""


@dataclass
class Standing:
    """The displayed state of trials. `began` is their start, by the clock of `time.monotonic`.

    `since` is when each running trial was first seen running. Sums are kept up as records change:
    a sweep may have thousands of them, and is drawn several times a second, by another thread.
    """

    sweep: SweepRecord
    slots: str
    began: float
    since: dict[int, float] = field(default_factory=dict)
    cluster: ClusterRecord | None = None
    counts: Counter[TrialStatus] = field(default_factory=Counter)
    last_change: float = field(init=False)
    _records: dict[int, TrialRecord] = field(default_factory=dict)
    _open: dict[int, TrialRecord] = field(default_factory=dict)
    _latest: list[TrialRecord] = field(default_factory=list)
    _chosen: tuple[Winner, ...] = ()
    _troubled: dict[int, str] = field(default_factory=dict)
    _by_hand: int = 0
    _tokens: int = 0
    _ended_before: int = 0

    def __post_init__(self) -> None:
        self.last_change = self.began

    def changed(self, record: TrialRecord, now: float) -> None:
        """Replace a trial's record. As first seen, a resumed sweep's trials have their earlier
        tokens and ends."""
        number, self.last_change = record.number, now
        before = self._records.get(number)
        self._records[number] = record
        self._count(before, record)
        if record.status is TrialStatus.RUNNING:
            self.since.setdefault(number, now)
        if record.status.ended:
            self._has_ended(record)
        if record.status.ended or record.status is TrialStatus.WAITING:
            self._open.pop(number, None)
        else:
            self._open[number] = record

    def _count(self, before: TrialRecord | None, record: TrialRecord) -> None:
        self.counts[record.status] += 1
        if before is None:
            self._by_hand += record.added_by_hand
            self._ended_before += record.status.ended
        else:
            self.counts[before.status] -= 1
            self._tokens += record.tokens - before.tokens

    def _has_ended(self, record: TrialRecord) -> None:
        others = [each for each in self._latest if each.number != record.number]
        self._latest = sorted([*others, record], key=_when_ended)[-LATEST:]
        if record.status in TROUBLE:
            self._troubled[record.number] = reason(record, self.sweep.metric)
        if record.status.can_win:
            rivals = [w.record for w in self._chosen if w.record.number != record.number]
            self._chosen = judge([*rivals, record], self.sweep.goals).chosen

    def running(self) -> list[TrialRecord]:
        """Started trials without an end; some may still wait for a slot."""
        return [each for each in self._started() if each.status is TrialStatus.RUNNING]

    def latest(self) -> list[TrialRecord]:
        """The latest trials that have ended, in order, then those started without an end."""
        return [*self._latest, *sorted(self._started(), key=lambda record: record.number)]

    def _started(self) -> list[TrialRecord]:
        return list(self._open.copy().values())

    def ended(self) -> int:
        """Number of ended trials."""
        return sum(self.counts[status] for status in TrialStatus if status.ended)

    def expected(self) -> int | None:
        """Number of trials at the end."""
        budget = self.sweep.budget_trials
        return None if budget is None else budget + self._by_hand

    def troubles(self) -> list[str]:
        """The reasons of failed, diverged and infeasible trials, each once."""
        return grouped(self._troubled.copy().items())

    def progress(self) -> str:
        """`3 of 40 trials`, or `3 trials` if only caps end the sweep."""
        expected = self.expected()
        return f"{self.ended()}{'' if expected is None else f' of {expected}'} trials"

    def chosen(self) -> tuple[Winner, ...]:
        """The best complete trial so far, or the front so far."""
        return self._chosen

    def tokens_per_second(self, now: float) -> float:
        """Training tokens of all trials per second since the start of trials."""
        elapsed = now - self.began
        return self._tokens / elapsed if elapsed > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """Estimate from the pace of all trials so far; None if too early."""
        expected = self.expected()
        if expected is None:
            return None
        shares = sum(self.share(record.number) or 0.0 for record in self.running())
        ended = self.ended()
        done = ended - self._ended_before + shares
        left = expected - ended - shares
        return (now - self.began) / done * left if done >= _TOO_EARLY else None

    def share(self, number: int) -> float | None:
        """Completed share of a running trial's training, 0 .. 1, if known: from its slot's last
        report, or from its evaluations, which may be newer."""
        phases, record = phases_of(self._lane(number)), self._records[number]
        told = phases[0].share if phases and phases[0].done else None
        last, points = record.last(), record.config.get("budget.evaluations")
        measured = last.point / points if last and isinstance(points, int) else None
        return max((each for each in (told, measured) if each is not None), default=None)

    def doing(self, number: int) -> str:
        """`step 3 of 20, evaluating 45%`; empty if unknown."""
        lane = self._lane(number)
        if lane is None:
            return "waiting for a slot" if self.cluster else ""
        return ", ".join(map(described, phases_of(lane))) or "starting"

    def longest(self, now: float) -> float:
        """Seconds for which a trial has been running; without one, since the last change."""
        return now - min(
            (self.since[each.number] for each in self.running()), default=self.last_change
        )

    def line(self, now: float) -> str:
        """`name: 3 of 40 trials (2 min so far, about 6 min left): trial 3 step 4 of 20`."""
        times = so_far(now - self.began, self.seconds_left(now))
        head = f"{self.sweep.name}: {self.progress()} ({times})"
        return ": ".join(filter(None, (head, "; ".join(self._underway()))))

    def known_line(self) -> str:
        """`12 trials are done (10 complete, 2 failed), 3 continue`: how a resumed sweep begins."""
        done, counts, said = self.ended(), self.counts, []
        if done:
            how = [f"{counts[each]} {each}" for each in TrialStatus if each.ended and counts[each]]
            said.append(f"{_trials(done)} {'is' if done == 1 else 'are'} done ({', '.join(how)})")
        if left := len(self._records) - done:
            verb = f"continue{'s' * (left == 1)}"
            said.append(f"{left} {verb}" if said else f"{_trials(left)} {verb}")
        return ", ".join(said)

    def activity(self, number: int) -> str:
        """A running trial's activity other than training, in a word: `evaluating`; else empty."""
        lane = self._lane(number)
        if lane is None:
            return "waiting" if self.cluster else ""
        texts = [phase.text for phase in phases_of(lane)] or ["starting"]
        return next((text.partition(" ")[0] for text in texts if text != "training"), "")

    def lacks(self) -> list[str]:
        """`1 of 3 slots up`, until all are."""
        slots = self.cluster.slots if self.cluster else ()
        return [] if all(slot.up or slot.home for slot in slots) else [slots_up(slots)]

    def _underway(self) -> Iterator[str]:
        numbers = sorted(record.number for record in self.running())
        for number in numbers[:_NAMED]:
            yield f"{self._records[number].called} {self.doing(number)}".rstrip()
        if len(numbers) > _NAMED:
            yield f"{len(numbers) - _NAMED} more"
        yield from self.lacks()

    def _lane(self, number: int) -> LaneRecord | None:
        slots = self.cluster.slots if self.cluster else ()
        key = str(self._records[number].key)
        lanes = (lane for slot in slots for lane in slot.lanes)
        return next((lane for lane in lanes if lane.job == key), None)


def _trials(count: int) -> str:
    return f"{count} trial{'s' * (count != 1)}"


def _when_ended(record: TrialRecord) -> tuple[float, int]:
    return record.ended or 0.0, record.number


def number_of_trials(sweep: SweepRecord) -> str:
    """`40 trials`, or what ends the sweep instead."""
    if sweep.budget_trials is not None:
        return f"{sweep.budget_trials} trials"
    return f"trials until {' or '.join(f'budget.{name}' for name in sweep.caps)}"

"""A command's phases outside of trials, with times. Pure: times are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from rich.filesize import decimal

from results.records.cluster_record import ClusterRecord, LaneRecord, PhaseRecord, SlotRecord
from sweeps.display.duration import so_far
from trainables.core.progress import BYTES, STEP, Phase, Phases


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A displayed phase: its title and current part; `share` (0 .. 1) and `left` (seconds) if
    known."""

    title: str
    within: str
    seconds: float
    share: float | None = None
    left: float | None = None

    def line(self) -> str:
        """`Preparing the data: reading a.jsonl 45% (20 s so far, about 25 s left)`."""
        text = ": ".join(filter(None, (self.title, self.within)))
        return f"{text} ({so_far(self.seconds, self.left)})"


@dataclass(frozen=True, slots=True)
class Timed:
    """An open phase, with the times of its first sight and of its first progress: the start of a
    phase says nothing about its pace. `first` is the amount done at that time."""

    phase: Phase
    began: float
    moved: float | None
    first: float

    @classmethod
    def new(cls, phase: Phase, now: float) -> Timed:
        """A phase that was not open before."""
        return cls(phase, now, now if phase.done else None, phase.done)

    def goes_on(self, phase: Phase, now: float) -> Timed:
        """The same phase, seen again."""
        if self.moved is None and phase.done:
            return Timed(phase, self.began, now, phase.done)
        return replace(self, phase=phase)

    def left(self, now: float) -> float | None:
        """Seconds at its pace so far; None if unknown."""
        done = self.phase.done - self.first
        if not self.phase.total or self.moved is None or done <= 0:
            return None
        return max(0.0, (self.phase.total - self.phase.done) * (now - self.moved) / done)


class Underway:
    """One phase with a title, the phases within it, and the work of the slots for it."""

    def __init__(self) -> None:
        self._title: str | None = None
        self._began = 0.0
        self._here: tuple[Timed, ...] = ()
        self._there: tuple[Timed, ...] = ()
        self._slots: Sequence[SlotRecord] = ()

    def begin(self, title: str | None, now: float) -> None:
        """Start another phase; None: no phase with a title."""
        self._here = self._there = self._slots = ()
        # In this order, since a drawing thread may read at any moment.
        self._began = now
        self._title = title

    def at(self, phases: Phases, now: float) -> None:
        """The progress of this process."""
        self._here = _timed(self._here, phases, now)

    def look(self, cluster: ClusterRecord, now: float) -> None:
        """The progress of the slots."""
        self._slots = cluster.slots
        jobs = (slot for slot in cluster.slots if slot.job and not slot.job.isdigit())
        self._there = _timed(self._there, phases_of(next(jobs, None)), now)

    def glimpse(self, now: float) -> Glimpse | None:
        """The current progress; None if there is no phase."""
        title, began, here = self._title, self._began, self._here
        if title is None and not here:
            return None
        within = here or self._there
        words = [described(each.phase) for each in within] or self._waiting()
        if title is None:
            first, began = words.pop(0), here[0].began
            title = first[:1].upper() + first[1:]
        share = next((each.phase.share for each in within if each.phase.done), None)
        left = next((left for each in within if (left := each.left(now))), None)
        return Glimpse(title, ", ".join(words), now - began, share, left)

    def _waiting(self) -> list[str]:
        if any(slot.job for slot in self._slots):
            return ["starting"]
        up = sum(slot.up for slot in self._slots)
        return [] if up == len(self._slots) else [slots_up(self._slots)]


def slots_up(slots: Sequence[SlotRecord]) -> str:
    """`1 of 3 slots up`."""
    return f"{sum(slot.up for slot in slots)} of {len(slots)} slots up"


def phases_of(work: SlotRecord | LaneRecord | None) -> Phases:
    """The phases of a slot's first job, or of one lane."""
    return tuple(_phase(each) for each in work.phases) if work else ()


def described(phase: Phase) -> str:
    """`step 3 of 20`, `downloading 45% of 1.2 GB`, `evaluating 45%`, `reading`."""
    if phase.unit == STEP and phase.total:
        return f"step {int(phase.done)} of {int(phase.total)}"
    if phase.share is None or not phase.done:
        return phase.text
    size = f" of {decimal(int(phase.total or 0))}" if phase.unit == BYTES else ""
    return f"{phase.text} {phase.share:.0%}{size}"


def _phase(record: PhaseRecord) -> Phase:
    return Phase(record.text, record.done, record.total, record.unit)


def _timed(before: Sequence[Timed], phases: Phases, now: float) -> tuple[Timed, ...]:
    """Phases with their start times; open ones continue, up to the first different one."""
    texts = zip((each.phase.text for each in before), (each.text for each in phases), strict=False)
    kept = len(list(takewhile(lambda pair: pair[0] == pair[1], texts)))
    return (
        *(known.goes_on(phase, now) for phase, known in zip(phases[:kept], before, strict=False)),
        *(Timed.new(phase, now) for phase in phases[kept:]),
    )

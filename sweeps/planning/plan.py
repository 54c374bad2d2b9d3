"""The memory of every combination that a sweep can draw, grouped by what matters to it."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.planning.cards import Card
from sweeps.planning.combinations import distinct
from sweeps.spec.reach import Point
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.planning.estimate import Estimate, Planner, usable
from trainables.training.inputs import Prepared


@dataclass(frozen=True)
class Line:
    """One combination: its values, its micro-batch after the batch's division, and its memory."""

    point: Point
    micro_batch: int
    estimate: Estimate

    @property
    def peak(self) -> int:
        """Bytes on each worker's device."""
        return self.estimate.peak(self.micro_batch)

    def fits(self, room: int) -> bool:
        """Whether it runs as it is written."""
        return self.peak <= room

    def largest_term(self) -> tuple[str, int]:
        """The part of the peak that takes most, with its bytes."""
        parts = self.estimate.parts(self.micro_batch)
        return max(parts.items(), key=lambda part: part[1])


@dataclass(frozen=True)
class Plan:
    """The combinations, those that need most first; `room` is what tensors can take on the card."""

    card: Card
    room: int
    workers: int
    longest: int
    lines: tuple[Line, ...]

    @property
    def misfits(self) -> tuple[Line, ...]:
        """Those that do not fit."""
        return tuple(line for line in self.lines if not line.fits(self.room))


def make_plan(
    spec: SweepSpec,
    prepared: Prepared,
    card: Card,
    progress: Progress = NO_PROGRESS,
    planner: Planner | None = None,
) -> Plan:
    """Look at each combination that trains; `planner` knows the passes of an earlier plan.

    ModelError if the model cannot be built without its weights, SweepError if there is none to
    look at.
    """
    planner, workers = planner or Planner(prepared.inputs), spec.slots.workers
    found = distinct(spec, workers)
    lines = []
    with progress.phase("planning memory", len(found), "combinations") as gauge:
        for point, micro_batch, config in found:
            lines.append(Line(point, micro_batch, planner.estimate(config, workers)))
            gauge.advance(1)
    lines.sort(key=lambda line: -line.peak)
    return Plan(card, usable(card.memory), workers, planner.longest(spec.trial), tuple(lines))

"""The memory of every combination that a sweep can draw, grouped by what matters to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sweeps.planning.cards import Card
from sweeps.planning.combinations import distinct
from sweeps.planning.sizes import shown
from sweeps.spec.reach import Point
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.planning.estimate import Estimate
from trainables.planning.kinds import LOGITS
from trainables.planning.planner import Planner
from trainables.planning.room import usable
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

    def breaking_term(self) -> str:
        """The part of the peak that takes most: `logits 4.64 GB, 151,936 words x 8,192 tokens`."""
        name, size = self.estimate.largest_term(self.micro_batch)
        said = f"{name} {shown(size)}"
        if name == LOGITS:
            words, tokens = self.estimate.logits(self.micro_batch)
            return f"{said}, {words:,} words x {tokens:,} tokens"
        return said


@dataclass(frozen=True)
class Plan:
    """The combinations, those that need most first; `room` is what tensors can take on the card,
    and `planner` knows the passes of these combinations."""

    card: Card
    room: int
    workers: int
    longest: int
    lines: tuple[Line, ...]
    planner: Planner = field(compare=False, repr=False)

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
    planner.expect(config for *_, config in found)
    lines = []
    with progress.phase("planning memory", len(found), "combinations") as gauge:
        for point, micro_batch, config in found:
            lines.append(Line(point, micro_batch, planner.estimate(config, workers)))
            gauge.advance(1)
    lines.sort(key=lambda line: -line.peak)
    room, longest = usable(card.memory), planner.longest(spec.trial)
    return Plan(card, room, workers, longest, tuple(lines), planner)

"""The memory of every combination that a sweep can draw, grouped by what matters to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sweeps.planning.cards import Card
from sweeps.planning.combinations import Combination, distinct
from sweeps.planning.sizes import shown
from sweeps.spec.reach import Point
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_batch
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.planning.estimate import Estimate
from trainables.planning.kinds import LOGITS
from trainables.planning.planner import Planner
from trainables.planning.room import usable
from trainables.training.inputs import Prepared


@dataclass(frozen=True)
class Line:
    """One combination that a sweep can draw, and its memory."""

    of: Combination
    estimate: Estimate

    @property
    def point(self) -> Point:
        """Its values."""
        return self.of.point

    @property
    def micro_batch(self) -> int:
        """The sequences at once, after the batch's division."""
        return self.of.micro_batch

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
    def micro_batch_for_all(self) -> int:
        """The micro-batch with which all combinations fit as they are; 0 if there is none."""
        misfits = self.misfits
        most = min((line.estimate.largest_micro_batch(self.room) for line in misfits), default=0)
        shares = {line.of.share for line in misfits} if most else set()
        return max((split_batch(share, 1, most)[0] for share in shares), default=0)

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
    planner.expect(each.config for each in found)
    lines = []
    with progress.phase("planning memory", len(found), "combinations") as gauge:
        for each in found:
            lines.append(Line(each, planner.estimate(each.config, workers)))
            gauge.advance(1)
    lines.sort(key=lambda line: -line.peak)
    room, longest = usable(card.memory), planner.longest(spec.trial)
    return Plan(card, room, workers, longest, tuple(lines), planner)

"""The memory of every combination that a sweep can draw, grouped by what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sweeps.base.errors import SweepError
from sweeps.planning.cards import Card
from sweeps.spec.reach import Point, reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_batch
from trainables.config.combinations import refusals
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.methods.registry import METHODS
from trainables.planning.estimate import Estimate, Planner, usable
from trainables.training.inputs import Prepared

_ALWAYS = (
    "method",
    "precision",
    "gradient_checkpointing",
    "optimizer.name",
    "optimizer.beta1",
    "neftune_noise",
    "label_smoothing",
    "micro_batch_size",
    "batch_size",
)
"""Searchable fields on which memory depends, besides the sections of the methods."""

_BATCHES = ("batch_size", "micro_batch_size")
"""They matter by the micro-batch that follows from them alone."""

_NEVER = ("lora.alpha", "lora.rslora", "lora.learning_rate_ratio", "optimizer.beta1")
"""Fields of those sections that no tensor's size depends on, in the usual case."""


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
) -> Plan:
    """Look at each combination that trains.

    ModelError if the model cannot be built without its weights, SweepError if there is none to
    look at.
    """
    from trainables.data.tokens.examples import Examples

    planner, workers = Planner(prepared.inputs), spec.slots.workers
    found = _distinct(spec, workers)
    lines = []
    with progress.phase("planning memory", len(found), "combinations") as gauge:
        for point, micro_batch, config in found:
            lines.append(Line(point, micro_batch, planner.estimate(config, workers)))
            gauge.advance(1)
    longest = Examples(prepared.inputs.train).longest
    lines.sort(key=lambda line: -line.peak)
    return Plan(card, usable(card.memory), workers, longest, tuple(lines))


def _distinct(spec: SweepSpec, workers: int) -> list[tuple[Point, int, TrialConfig]]:
    """The possible combinations that differ in memory, each with its micro-batch."""
    found: dict[tuple[object, ...], tuple[Point, int, TrialConfig]] = {}
    for point in _points(spec):
        try:
            config = spec.trial.with_params(point)
            micro_batch, _ = split_batch(config.batch_size, workers, config.micro_batch_size)
        except (ValidationError, ValueError):
            continue  # refused anyway
        if config.tunes.trains and not refusals(config):
            shown = {name: value for name, value in point.items() if name not in _BATCHES}
            found.setdefault((micro_batch, *shown.items()), (shown, micro_batch, config))
    if not found:
        raise SweepError(
            f"sweep {spec.name!r} trains nothing; it needs little more than the model itself"
        )
    return list(found.values())


def _points(spec: SweepSpec) -> Sequence[Point]:
    sections = [section for method in METHODS.values() for section in method.sections]
    matters = [
        name
        for name in spec.space
        if name in _ALWAYS or (name.partition(".")[0] in sections and name not in _NEVER)
    ]
    return reachable(spec.space, matters)

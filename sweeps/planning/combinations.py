"""The combinations of a sweep that differ in memory. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from sweeps.base.errors import SweepError
from sweeps.planning.edits import MICRO
from sweeps.spec.reach import Point, reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_step
from trainables.config.combinations import refusals
from trainables.config.trial import TrialConfig
from trainables.methods.registry import METHODS

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
    "rl.group_size",
)
"""Searchable fields on which memory depends, besides the sections of the methods."""

_BATCHES = ("batch_size", "rl.group_size", "micro_batch_size")
"""They matter by the micro-batch that follows from them alone."""

_NEVER = ("lora.alpha", "lora.rslora", "lora.learning_rate_ratio", "optimizer.beta1")
"""Fields of those sections that no tensor's size depends on, in the usual case."""

MOST = 300
"""Combinations that are planned: each may take a second. Of more, ranges are represented by fewer
values; after that only the combinations of any two fields are planned."""

_ALL, _FEWER = 1_000, (16, 8, 4, 2)
"""Values of a range: as many as `reachable` lists, and fewer."""


def combinations_of(spec: SweepSpec) -> list[Point]:
    """All of them, each with its micro-batch."""
    found = distinct(spec, spec.slots.workers)
    return [{**point, MICRO: micro} for point, micro, _ in found]


def distinct(spec: SweepSpec, workers: int) -> list[tuple[Point, int, TrialConfig]]:
    """The possible combinations that differ in memory, each with its micro-batch."""
    found: dict[tuple[object, ...], tuple[Point, int, TrialConfig]] = {}
    for point in _points(spec):
        try:
            config = spec.trial.with_params(point)
            micro_batch, _ = split_step(config, workers)
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
    for each in (_ALL, *_FEWER):
        points = reachable(spec.space, matters, each=each)
        if len(points) <= MOST:
            return points
    return reachable(spec.space, matters, limit=MOST, each=_FEWER[-1])

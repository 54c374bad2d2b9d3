"""The combinations of a sweep that differ in memory. Light: no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sweeps.base.errors import SweepError
from sweeps.planning.edits import MICRO
from sweeps.spec.reach import Point, reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_batch, split_step
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
    return [{**each.point, MICRO: each.micro_batch} for each in found]


@dataclass(frozen=True)
class Combination:
    """Values on which memory depends, and the micro-batch that several batch sizes may share:
    `share` is the greatest number of sequences that divides a worker's part of each, and `config`
    the trial with the largest."""

    point: Point
    micro_batch: int
    config: TrialConfig
    share: int

    def beside(self, other: Combination | None) -> Combination:
        """The two as one."""
        if other is None:
            return self
        whole = [each.config.learns.step_size(each.config) for each in (other, self)]
        config = self.config if whole[1] > whole[0] else other.config
        share = math.gcd(self.share, other.share)
        return Combination(other.point, self.micro_batch, config, share)


def distinct(spec: SweepSpec, workers: int) -> list[Combination]:
    """The possible combinations that differ in memory."""
    found: dict[tuple[object, ...], Combination] = {}
    for point in _points(spec):
        try:
            config = spec.trial.with_params(point)
            micro_batch, passes = split_step(config, workers)
        except (ValidationError, ValueError):
            continue  # refused anyway
        if config.tunes.trains and not refusals(config):
            shown = {name: value for name, value in point.items() if name not in _BATCHES}
            key = (micro_batch, *shown.items())
            one = Combination(shown, micro_batch, config, micro_batch * passes)
            found[key] = one.beside(found.get(key))
    if not found:
        raise SweepError(
            f"sweep {spec.name!r} trains nothing; it needs little more than the model itself"
        )
    return list(found.values())


def within(spec: SweepSpec, workers: int, most: int) -> int:
    """The micro-batch with which trials run where at most so many sequences fit: the largest of all
    batch sizes."""
    return max(split_batch(share, 1, most)[0] for share in _shares(spec, workers))


def _shares(spec: SweepSpec, workers: int) -> set[int]:
    """The sequences that a worker has in a step, of all batch sizes that divide among workers."""
    found = set()
    for point in reachable(spec.space, ("batch_size", "rl.group_size")):
        try:
            config = spec.trial.with_params(point)
            micro_batch, passes = split_step(config, workers)
        except (ValidationError, ValueError):
            continue
        found.add(micro_batch * passes)
    return found or {1}


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

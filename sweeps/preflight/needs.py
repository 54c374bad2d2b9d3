"""What a sweep needs of the machines that train its trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from results.records.record import Edit
from sweeps.planning.edits import MICRO, key_of
from sweeps.spec.reach import reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource

if TYPE_CHECKING:
    from sweeps.planning.plan import Plan

_READ = ("method", "precision", "quantization.compute_dtype", "optimizer.name")
"""Searchable fields that ask something of the hardware."""


@dataclass(frozen=True)
class Needs:
    """`trials` are all that ask different things of the hardware. A worker takes `share` of a GPU,
    0 if it takes none, and at most `peak` bytes of it and `host` bytes of the machine's memory;
    None where that was not planned."""

    trials: tuple[TrialConfig, ...]
    workers: int = 1
    share: float = 1.0
    peak: int | None = None
    host: int | None = None
    model: ModelSource | None = None


def needs_of(
    spec: SweepSpec,
    model: ModelSource | None = None,
    plan: Plan | None = None,
    edits: Sequence[Edit] = (),
) -> Needs:
    """The needs of a sweep with such slots, as planned and edited."""
    gpus = spec.slots.gpus
    return Needs(
        tuple(_trials(spec)),
        spec.slots.workers,
        1.0 if gpus == "auto" else gpus,
        _peak(plan, edits) if plan else None,
        max(line.estimate.states.host for line in plan.lines) if plan else None,
        model,
    )


def hub_model(spec: SweepSpec) -> ModelSource | None:
    """The sweep's model, if it is one of the hub: each machine gets it by itself."""
    trial = spec.trial
    source = ModelSource(trial.model, trial.model_revision, trial.trust_remote_code)
    own = source.is_path or source.folder or ":" in trial.model  # builtin:NAME, sweep:NAME
    return None if own or not trial.learns.trains else source


def _peak(plan: Plan, edits: Sequence[Edit]) -> int:
    """The largest trial once all are edited: one with a smaller micro-batch has what that takes,
    one with checkpointing, or with more workers, at most all of the room."""
    changed = {key_of(edit.point): edit.changes for edit in edits}
    peaks = []
    for line in plan.lines:
        changes = changed.get(key_of({**line.point, MICRO: line.micro_batch}))
        if changes is None:
            peaks.append(min(line.peak, plan.room))
        elif changes:
            alone = {*changes} == {MICRO}
            peaks.append(line.estimate.peak(changes[MICRO]) if alone else plan.room)
    return max(peaks, default=0)


def _trials(spec: SweepSpec) -> Iterator[TrialConfig]:
    for point in reachable(spec.space, [name for name in _READ if name in spec.space]):
        try:
            yield spec.trial.with_params(point)
        except ValidationError:
            continue  # refused anyway

"""The trial that a dry run measures, and the quote by it."""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

from results.records.quote import Quote
from search_spaces.values import Value
from sweeps.base.errors import CapacityError, SweepError
from sweeps.caps.priced import families_of
from sweeps.caps.quote import make_quote
from sweeps.caps.speeds import Course, Prices, Validation
from sweeps.caps.timing import kind_of
from sweeps.caps.too_short import refuse_if_too_short
from sweeps.caps.trained_tokens import work_of
from sweeps.inputs.evaluation_share import before_end
from sweeps.planning.edits import CHECKPOINTING
from sweeps.run.first_trial import First, first_of
from sweeps.run.fitting import Fitted
from sweeps.run.repeats import most_repeats
from sweeps.spec.capacity import plan_slots
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError, said
from trainables.core.errors import ModelError, RefusedError
from trainables.core.progress import Progress
from trainables.training.inputs import Prepared

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop

_UNTIMED = (SweepError, DataError, ModelError, RefusedError, RuntimeError, MemoryError)
"""What may keep the first trial of a method from being timed."""


@dataclass(frozen=True)
class Room:
    """The slots of the sweep on this machine: in words, if they fit, how many; a worker's CPUs."""

    slots: str
    fits: bool = True
    count: int = 1
    cpus: float | None = None


@dataclass(frozen=True)
class Tried:
    """That trial, as it is edited, with all that measuring it needs."""

    fitted: Fitted
    prepared: Prepared
    config: TrialConfig
    params: dict[str, Value]
    room: Room
    progress: Progress

    @property
    def spec(self) -> SweepSpec:
        """The sweep, as edited."""
        return self.fitted.spec


def room_of(spec: SweepSpec) -> Room:
    import torch

    here = {"CPU": float(os.cpu_count() or 1), "GPU": float(torch.cuda.device_count())}
    try:
        count, size = plan_slots(spec.slots, [here], spec.trials)
    except CapacityError as error:
        return Room(f"not enough resources on this machine: {error}", fits=False)
    cpus = None if size.gpus else size.cpus
    if spec.slots.max is not None:
        return Room(f"up to {count} of {size}, as the cluster grows", count=count, cpus=cpus)
    return Room(f"{count} of {size} here", count=count, cpus=cpus)


def quoted(
    tried: Tried, workshop: Workshop, known: Course, generation: float
) -> tuple[Quote | None, list[str]]:
    """The quote by the speed of each method, and notes on methods that could not be timed."""
    spec, config = tried.spec, tried.config
    kinds, notes = {}, []
    others = [each.name for each in methods_of(spec.trial, spec.space) if each.trains]
    for method in dict.fromkeys([config.method, *others]):
        how = " with other batches" if method == config.method else ""
        with tried.progress.phase(f"timing method {method}{how}"):
            try:
                mine = method == config.method
                of = (tried.params, config) if mine else first_of(tried.fitted, method)
                asked = _to_time(tried.fitted, of)
                kinds[method] = kind_of(workshop, of[1], known if mine else None, asked)
            except _UNTIMED as error:
                notes.append(f"method {method} could not be timed ({_why(error)})")
    if not kinds:
        return None, notes
    inputs, rows = tried.prepared.inputs, workshop.validation_set
    validation = Validation(len(rows), float(rows.lengths.sum()), before_end(spec, inputs))
    prices = Prices(kinds, validation, generation, spec.slots.workers, work_of(spec, inputs))
    found = families_of(spec, prices, tried.fitted.edits)
    refuse_if_too_short(spec, min(each.seconds for family in found for each in family))
    trials, slots = spec.budget_trials or 1, tried.room.count
    quote = make_quote(spec, found, trials, most_repeats(spec), slots, prices.warm_up)
    return quote, notes


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, SweepError) else said(error)


def _to_time(fitted: Fitted, first: First) -> Container[str]:
    """What is searched, without gradient checkpointing where the trial fits only as it is."""
    spec, (params, config) = fitted.spec, first
    if CHECKPOINTING not in spec.space:
        return spec.space
    other = {**params, CHECKPOINTING: not config.gradient_checkpointing}
    trial = spec.trial.with_params(other)
    given = fitted.edits.given({name: other[name] for name in spec.space if name in other}, trial)
    same = given is not None and (given.gradient_checkpointing, given.micro_batch_size) == (
        other[CHECKPOINTING],
        config.micro_batch_size,
    )
    return spec.space if same else [name for name in spec.space if name != CHECKPOINTING]

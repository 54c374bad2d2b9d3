"""A sweep fitted to the GPU of its slots before its first trial: its method, its edits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from results.records.method_choice import MethodChoice
from results.records.record import Edit, SweepRecord
from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.base.view import View
from sweeps.inputs.prepare import inputs_of
from sweeps.planning.cards import Card, named_by, share_of
from sweeps.planning.combinations import combinations_of
from sweeps.planning.edited import edited
from sweeps.planning.edits import NO_EDITS, Edits, in_words
from sweeps.preflight.gathering import host_memory
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from trainables.core.errors import ModelError
from trainables.core.progress import Progress
from trainables.training.inputs import Prepared

if TYPE_CHECKING:
    from sweeps.planning.plan import Plan


def settle_method(
    spec: SweepSpec, cache: Path, progress: Progress, card: Card, gpus: int = 0
) -> tuple[SweepSpec, MethodChoice | None]:
    """The sweep with what `method: auto` takes on such GPUs, of which there are so many (0:
    unknown), and the choice; None if its file names a method."""
    if not spec.open_methods:
        return spec, None
    with progress.phase("choosing the method"), quiet():
        from sweeps.planning.choice import choose, with_choice

        prepared = inputs_of(spec.trial, cache, trains=False, progress=progress)
        choice = choose(spec, prepared, card, _counts(spec, card, gpus))
    return with_choice(spec, choice), choice


def settle_method_here(
    spec: SweepSpec, cache: Path, progress: Progress, address: str | None = None
) -> tuple[SweepSpec, MethodChoice | None]:
    """The same on the GPUs of the sweep's slots. SweepError if they are unknown."""
    if not spec.open_methods:
        return spec, None
    away = address is not None or "RAY_ADDRESS" in os.environ
    card = card_of(spec, address)
    if card is None and away and spec.slots.gpus != 0:
        raise SweepError(
            "method: auto needs to know the cluster's GPUs; set slots.gpu, e.g. A100-40 or 24GB, "
            "or name the method"
        )
    card = card or Card("this machine's memory", host_memory(), host=True)
    return settle_method(spec, cache, progress, card, 0 if away else _gpus_here())


def _counts(spec: SweepSpec, card: Card, gpus: int) -> Sequence[int]:
    """The numbers of workers to look at: the file's, or as many as there are GPUs."""
    from sweeps.planning.fit import WORKER_COUNTS

    given = spec.tree.get("slots")
    named = isinstance(given, Mapping) and "workers" in given
    if named or card.host or spec.slots.lanes not in (1, "auto"):
        return (spec.slots.workers,)
    return [count for count in WORKER_COUNTS if not gpus or count <= gpus]


def _gpus_here() -> int:
    import torch

    return torch.cuda.device_count()


def plan_for(
    spec: SweepSpec, prepared: Prepared | None, view: View, address: str | None
) -> Plan | None:
    """The memory of all combinations; None without a known GPU."""
    of = card_of(spec, address) if prepared else None
    if prepared is None or of is None:
        return None
    view.phase(f"Planning memory for {of.name}")
    try:
        return _planned(spec, prepared, of, Progress(view.at))
    except ModelError as error:
        view.say(f"Note: {_unplanned(error)}.")
        return None


def _planned(spec: SweepSpec, prepared: Prepared, card: Card, progress: Progress) -> Plan | None:
    """None where nothing trains."""
    if not any(method.trains for method in methods_of(spec.trial, spec.space)):
        return None
    with quiet():  # libraries warn of their own functions, and of kernels that nobody asked for
        from sweeps.planning.plan import make_plan

        return make_plan(spec, prepared, card, progress)


def _unplanned(error: ModelError) -> str:
    return f"memory was not planned ({error})"


def edits_for(
    spec: SweepSpec,
    prepared: Prepared | None,
    plan: Plan | None,
    view: View,
    address: str | None,
) -> tuple[Edit, ...]:
    """What must change for every trial to fit, each said; nothing without a plan."""
    if prepared is None or plan is None:
        return ()
    if plan.misfits:
        view.phase("Editing the search")
    edits = _edits(spec, prepared, plan, address, Progress(view.at))
    for edit in edits:
        view.say(f"Edited: {in_words(edit)}")
    return edits


def _edits(
    spec: SweepSpec, prepared: Prepared, plan: Plan, address: str | None, progress: Progress
) -> tuple[Edit, ...]:
    with quiet():
        from sweeps.planning.editing import planned_edits

        return planned_edits(spec, prepared, plan, most_workers(spec, address), progress)


@dataclass(frozen=True)
class Fitted:
    """A sweep as its edits leave it, those that each trial is asked for, and all of them in words.
    With a `note`, memory was not planned."""

    spec: SweepSpec
    edits: Edits = NO_EDITS
    said: tuple[str, ...] = ()
    note: str = ""


def fitted_here(spec: SweepSpec, prepared: Prepared, progress: Progress) -> Fitted:
    """The sweep as a launch on this machine would edit it. SweepError if nothing is left of it."""
    card = card_of(spec, None)
    if card is None:
        return Fitted(spec)
    try:
        plan = _planned(spec, prepared, card, progress)
    except ModelError as error:
        return Fitted(spec, note=_unplanned(error))
    found = _edits(spec, prepared, plan, None, progress) if plan else ()
    if not found:
        return Fitted(spec)
    left = edited(spec, found)
    given = Edits(found, combinations_of(left), left.slots.workers)
    return Fitted(left, given, tuple(map(in_words, found)))


def card_of(spec: SweepSpec, address: str | None) -> Card | None:
    """A worker's share of the GPU that the spec names, or else of this machine's."""
    named = named_by(spec)
    if named is not None or spec.slots.gpus == 0 or address is not None:
        return named
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return share_of(Card(found.name, found.total_memory), spec)


def most_workers(spec: SweepSpec, address: str | None) -> int:
    """The most workers that a slot may be given: all of the sweep, as far as their number is known
    before Ray starts. Lanes, shared GPUs and trials without DeepSpeed need slots as they are."""
    settings = spec.slots
    shares = settings.lanes not in (1, "auto") or settings.gpus not in ("auto", 1.0)
    if shares or settings.deepspeed is None:
        return settings.workers
    slots = settings.max if settings.count == "auto" else settings.count
    if isinstance(slots, int):
        return slots * settings.workers
    if address is not None:
        return settings.workers
    return max(settings.workers, _gpus_here())


def edits_of(spec: SweepSpec, sweep: SweepRecord) -> Edits:
    """The sweep's edits, for each trial that is drawn."""
    if not sweep.edits:
        return NO_EDITS
    return Edits(sweep.edits, combinations_of(spec), spec.slots.workers)

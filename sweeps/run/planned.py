"""What is known of a sweep's memory before any GPU is taken, and what a launch would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.records.method_choice import MethodChoice
from results.records.record import Edit
from sweeps.caps.trained_tokens import refuse_below_one_trial
from sweeps.inputs.affordable_examples import settled
from sweeps.inputs.budgets import extents
from sweeps.inputs.evaluation_share import EvaluationShare, evaluation_share
from sweeps.inputs.prepare import checked_inputs, notes_on
from sweeps.planning.cards import Card, card
from sweeps.planning.editing import planned_edits
from sweeps.planning.fit import WORKER_COUNTS, Fits, fits
from sweeps.planning.plan import Plan, make_plan
from sweeps.run.fitting import most_workers, settle_method, settle_method_here
from sweeps.spec.notes import notes
from sweeps.spec.spec import SweepSpec
from trainables.core.progress import Progress

_USUAL = "24GB"
"""The GPU that is planned for where none is named."""


@dataclass(frozen=True)
class Planned:
    """The memory of a sweep's combinations, the `edits` that a launch would make, the method that
    `auto` becomes, the share that evaluation will take (None: nothing of the kind), and what else a
    launch would note."""

    plan: Plan
    edits: tuple[Edit, ...]
    choice: MethodChoice | None
    share: EvaluationShare | None
    notes: tuple[str, ...] = ()


def planned(spec: SweepSpec, cache: Path, named: Card | None, progress: Progress) -> Planned:
    """The plan of a sweep on a GPU; None is the one that its file names, or else a usual one."""
    of_file = notes(spec)
    if named:
        spec, choice = settle_method(spec, cache, progress, named)
    else:
        spec, choice = settle_method_here(spec, cache, progress)
    prepared = checked_inputs(spec, cache, trains=False, progress=progress)
    spec = settled(spec, prepared.inputs)
    refuse_below_one_trial(spec, prepared.inputs)
    plan = make_plan(spec, prepared, named or card(_USUAL), progress)
    found = extents(spec, prepared.inputs)
    share = evaluation_share(spec, prepared.inputs, found)
    edits = planned_edits(spec, prepared, plan, most_workers(spec, None), progress)
    noted = (*of_file, *notes_on(spec, prepared, found))
    return Planned(plan, tuple(edits), choice, share, noted)


def methods_that_fit(
    spec: SweepSpec, cache: Path, cards: Sequence[Card], workers: int | None, progress: Progress
) -> Fits:
    """Which methods fit on these GPUs, over so many workers (None: the usual numbers)."""
    prepared = checked_inputs(spec, cache, trains=False, progress=progress)
    return fits(spec, prepared, cards, (workers,) if workers else WORKER_COUNTS, progress)

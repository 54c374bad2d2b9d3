"""The search edited before trial 1: what cannot fit the GPU is given room, or taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from results.records.record import Edit
from sweeps.planning.edited import with_workers
from sweeps.planning.edits import CHECKPOINTING, MICRO, STAGE, WORKERS, in_point
from sweeps.planning.plan import Line, Plan, make_plan
from sweeps.planning.sizes import shown
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.config.batch_split import divisors
from trainables.config.combinations import refusals
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.training.inputs import Prepared


def planned_edits(
    spec: SweepSpec,
    prepared: Prepared,
    plan: Plan,
    most_workers: int = 1,
    progress: Progress = NO_PROGRESS,
) -> tuple[Edit, ...]:
    """An edit for each combination that does not fit: a smaller micro-batch at the same batch
    size; then gradient checkpointing and a higher ZeRO stage as well; else taken out.

    Before any is taken out, the slots are given more workers, at most `most_workers`. That edit
    comes first and is of no combination; the others then are of slots with so many.
    """
    if not plan.misfits:
        return ()
    best = first = _of_combinations(plan, progress)
    workers = 2 * spec.slots.workers
    while (out := _taken_out(best)) and workers <= most_workers:
        found = _with_workers(workers, spec, prepared, plan, progress)
        if found is not None and len(_taken_out(found)) < len(out):
            best = (_more_workers(workers, spec.slots.workers, _taken_out(first)[0]), *found)
        workers *= 2
    return best


def _more_workers(workers: int, before: int, out: Edit) -> Edit:
    """The edit of the sweep, because of a combination that would be taken out else."""
    where = f"with {before} worker{'s' if before > 1 else ''} in a slot"
    why = f"{in_point(out)} {out.why.partition(', of which')[0]} {where}, whatever it is given"
    return Edit(point={}, changes={WORKERS: workers}, why=why)


def _with_workers(
    workers: int, spec: SweepSpec, prepared: Prepared, plan: Plan, progress: Progress
) -> tuple[Edit, ...] | None:
    """The edits of the sweep with so many workers in a slot; None if it cannot have them, such as
    for batches that do not divide among them."""
    try:
        wider = with_workers(spec, workers)
    except SpecError:
        return None
    over_more = make_plan(wider, prepared, plan.card, progress, plan.planner)
    return _of_combinations(over_more, progress)


def _of_combinations(plan: Plan, progress: Progress) -> tuple[Edit, ...]:
    found = []
    misfits = plan.misfits
    with progress.phase("making room", len(misfits), "combinations") as gauge:
        for line in misfits:
            found.append(_edit(line, plan))
            gauge.advance()
    return tuple(found)


def _taken_out(edits: Sequence[Edit]) -> list[Edit]:
    return [edit for edit in edits if not edit.changes]


def _edit(line: Line, plan: Plan) -> Edit:
    why = f"needs {shown(line.peak)} of {shown(plan.room)}, of which {line.breaking_term()}"
    point = {**line.point, MICRO: line.micro_batch}
    config = line.of.config
    for changes in _ways(config, plan.workers):
        given = config.with_params(changes)
        if refusals(given):
            continue
        estimate = plan.planner.estimate(given, plan.workers)
        sizes = [size for size in divisors(line.of.share) if size <= line.micro_batch]
        fit = [size for size in sizes if estimate.peak(size) <= plan.room]
        if fit:
            return Edit(point=point, changes={MICRO: max(fit), **changes}, why=why)
    return Edit(point=point, why=why)


def _ways(config: TrialConfig, workers: int) -> Iterator[Mapping[str, int]]:
    """What a trial can be given besides a smaller micro-batch, the least first."""
    changes: dict[str, int] = {}
    yield changes
    if not config.gradient_checkpointing:
        changes = {CHECKPOINTING: 1}
        yield changes
    engine = config.deepspeed
    # A stage in the user's own JSON stays.
    if workers > 1 and engine is not None and engine.config is None:
        for stage in range(engine.zero_stage + 1, 4):
            yield {**changes, STAGE: stage}

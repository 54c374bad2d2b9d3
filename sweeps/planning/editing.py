"""The search edited before trial 1: what cannot fit the GPU is given room, or taken out."""

from __future__ import annotations

from results.records.record import Edit
from sweeps.planning.cards import GIB
from sweeps.planning.edits import MICRO
from sweeps.planning.plan import Line, Plan
from sweeps.spec.spec import SweepSpec
from trainables.planning.estimate import Planner
from trainables.training.inputs import Prepared


def planned_edits(spec: SweepSpec, prepared: Prepared, plan: Plan) -> tuple[Edit, ...]:
    """An edit for each combination that does not fit: a smaller micro-batch at the same batch
    size, then gradient checkpointing as well, else taken out."""
    planner = Planner(prepared.inputs) if plan.misfits else None
    return tuple(_edit(spec, line, plan, planner) for line in plan.misfits if planner)


def _edit(spec: SweepSpec, line: Line, plan: Plan, planner: Planner) -> Edit:
    name, size = line.largest_term()
    why = (
        f"needs {line.peak / GIB:.2f} of {plan.room / GIB:.2f} GB, of which {name} "
        f"{size / GIB:.2f} GB"
    )
    point = {**line.point, MICRO: line.micro_batch}
    most = line.estimate.largest_micro_batch(plan.room)
    if most:
        return Edit(point=point, changes={MICRO: min(most, line.micro_batch)}, why=why)
    config = spec.trial.with_params(line.point)
    if not config.gradient_checkpointing:
        spared = config.with_params({"gradient_checkpointing": True})
        most = planner.estimate(spared, plan.workers).largest_micro_batch(plan.room)
    if most:
        given = {MICRO: min(most, line.micro_batch), "gradient_checkpointing": 1}
        return Edit(point=point, changes=given, why=why)
    return Edit(point=point, why=why)

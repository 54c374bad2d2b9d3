"""A memory plan in words and tables, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from results.records.method_choice import MethodChoice
from results.records.record import Edit
from search_spaces.values import show
from sweeps.display.trial_table import plain_table
from sweeps.inputs.evaluation_share import EvaluationShare
from sweeps.planning.cards import GIB, Card
from sweeps.planning.edits import in_words
from sweeps.planning.fit import Fit, recommended
from sweeps.planning.plan import Line, Plan

MOST_LINES = 24


def report(
    plan: Plan,
    edits: Sequence[Edit] = (),
    choice: MethodChoice | None = None,
    share: EvaluationShare | None = None,
) -> Group:
    """The combinations, those that need most first, what a launch would change, and the share that
    evaluation will take."""
    chosen = [Text(f"{choice}.\n")] if choice else []
    evaluation = [Text(f"{share}.")] if share else []
    lines = (Text(), _lines(plan), Text())
    return Group(*chosen, _title(plan), *lines, *_ending(plan), *_edits(edits), *evaluation)


def _edits(edits: Sequence[Edit]) -> list[RenderableType]:
    if not edits:
        return []
    said = ["With such GPUs (slots.gpu) the sweep would be edited before its first trial:"]
    said += [f"  {in_words(edit)}" for edit in edits[:MOST_LINES]]
    if len(edits) > MOST_LINES:
        said.append(f"  and {len(edits) - MOST_LINES} more")
    return [Text(each) for each in said]


def _title(plan: Plan) -> Text:
    several = f" on each of {plan.workers} workers" if plan.workers > 1 else ""
    return Text(
        f"Memory{several}, for the longest training sequences: {plan.longest:,} tokens.\n"
        f"{plan.card.name}: {_gb(plan.room)} of {_gb(plan.card.memory)} for tensors."
    )


def _lines(plan: Plan) -> Table:
    names = list(dict.fromkeys(name for line in plan.lines for name in line.point))
    table = plain_table(*names, "at once", "needs", "most at once", "")
    for line in plan.lines[:MOST_LINES]:
        values = [show(line.point[name]) if name in line.point else "" for name in names]
        most = line.estimate.largest_micro_batch(plan.room)
        numbers = f"{line.micro_batch}", _gb(line.peak), f"{most:,}" if most else "none"
        table.add_row(*values, *numbers, _verdict(line, plan.room))
    return table


def _verdict(line: Line, room: int) -> Text:
    if line.fits(room):
        return Text("fits")
    name, size = line.largest_term()
    return Text(f"too much: {name} {_gb(size)}", style="red")


def _ending(plan: Plan) -> list[RenderableType]:
    count, misfits = len(plan.lines), plan.misfits
    said = [f"{count - MOST_LINES} more combinations need less."] if count > MOST_LINES else []
    if not misfits:
        said.append("It fits." if count == 1 else f"All {count} combinations fit.")
    else:
        said.append(f"{len(misfits)} of {count} combinations do not fit.")
        most = min(line.estimate.largest_micro_batch(plan.room) for line in misfits)
        if most:
            said.append(
                f"With micro_batch_size: {most} all of them fit; a trial's result is the same."
            )
    return [Text(sentence) for sentence in said]


def fit_report(found: Sequence[Fit], cards: Sequence[Card]) -> Table:
    """For each card the methods that fit, the recommended one marked."""
    table = plain_table("GPU", "method", "GPUs", "ZeRO stage", "most at once", "")
    for card in cards:
        best = recommended(found, card)
        if best is None:
            table.add_row(card.name, "none fits on up to 8 GPUs", "", "", "", "")
        for fit in found:
            if fit.card == card:
                stage = "" if fit.zero_stage is None else str(fit.zero_stage)
                mark = "recommended" if fit == best else ""
                row = fit.card.name, fit.method, f"{fit.workers}", stage, f"{fit.micro_batch:,}"
                table.add_row(*row, mark)
    return table


def plan_json(
    plan: Plan,
    edits: Sequence[Edit] = (),
    choice: MethodChoice | None = None,
    share: EvaluationShare | None = None,
) -> Mapping[str, object]:
    """The plan for scripts, in bytes."""
    return {
        "gpu": plan.card.name,
        "gpu_bytes": plan.card.memory,
        "usable_bytes": plan.room,
        "workers": plan.workers,
        "method_choice": choice.model_dump(mode="json") if choice else None,
        "longest": plan.longest,
        "combinations": [
            {
                "params": line.point,
                "micro_batch_size": line.micro_batch,
                "peak_bytes": line.peak,
                "host_bytes": line.estimate.states.host,
                "parts": line.estimate.parts(line.micro_batch),
                "largest_micro_batch_size": line.estimate.largest_micro_batch(plan.room),
                "fits": line.fits(plan.room),
            }
            for line in plan.lines
        ],
        "evaluation": share.as_json() if share else None,
        "edits": [edit.model_dump(mode="json") for edit in edits],
    }


def _gb(size: int) -> str:
    if size < GIB / 10:
        return f"{size / 2**20:.0f} MB"
    return f"{size / GIB:.2f} GB" if size < 100 * GIB else f"{size / GIB:.0f} GB"

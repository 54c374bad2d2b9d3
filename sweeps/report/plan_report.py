"""A memory plan in words and tables, at most 100 columns wide but for notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from results.records.record import Edit
from search_spaces.values import show
from sweeps.display.trial_table import plain_table
from sweeps.planning.cards import Card
from sweeps.planning.edits import in_words
from sweeps.planning.fit import Fit, Fits, reason
from sweeps.planning.plan import Line, Plan
from sweeps.planning.sizes import shown
from sweeps.run.planned import Planned
from trainables.planning.room import CONTEXT, slack

MOST_LINES = 24


def report(found: Planned) -> Group:
    """The combinations, those that need most first, what a launch would change, and the share that
    evaluation will take."""
    plan, choice, share = found.plan, found.choice, found.share
    chosen = [Text(f"{choice}.\n")] if choice else []
    evaluation = [Text(f"{share}.")] if share else []
    lines = (Text(), _lines(plan), Text())
    notes = [Text(f"Note: {note}", style="yellow") for note in found.notes]
    said = (*_ending(plan), *_edits(found.edits), *evaluation, *notes)
    return Group(*chosen, _title(plan), *lines, *said)


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
    whole = plan.card.memory
    return Text(
        f"Memory{several}, for the longest training sequences: {plan.longest:,} tokens.\n"
        f"{plan.card.name}: {shown(plan.room)} of {shown(whole)} for tensors; CUDA takes "
        f"{shown(CONTEXT)}, and torch's allocator loses {shown(slack(whole))}."
    )


def _lines(plan: Plan) -> Table:
    names = list(dict.fromkeys(name for line in plan.lines for name in line.point))
    table = plain_table(*names, "at once", "needs", "most at once", "")
    for line in plan.lines[:MOST_LINES]:
        values = [show(line.point[name]) if name in line.point else "" for name in names]
        most = line.estimate.largest_micro_batch(plan.room)
        numbers = f"{line.micro_batch}", shown(line.peak), f"{most:,}" if most else "none"
        table.add_row(*values, *numbers, _verdict(line, plan.room))
    return table


def _verdict(line: Line, room: int) -> Text:
    if line.fits(room):
        return Text("fits")
    return Text(f"too much: {line.breaking_term()}", style="red")


def _ending(plan: Plan) -> list[RenderableType]:
    count, misfits = len(plan.lines), plan.misfits
    said = [f"{count - MOST_LINES} more combinations need less."] if count > MOST_LINES else []
    if not misfits:
        said.append("It fits." if count == 1 else f"All {count} combinations fit.")
    else:
        said.append(f"{len(misfits)} of {count} combinations do not fit.")
        if size := plan.micro_batch_for_all:
            said.append(
                f"With micro_batch_size: {size} all of them fit; a trial's result is the same."
            )
    return [Text(sentence) for sentence in said]


def fit_report(fits: Fits, cards: Sequence[Card]) -> Group:
    """For each card the methods that fit, the recommended one first with its reason."""
    table = plain_table("GPU", "method", "GPUs", "ZeRO", "at once", "alone", "")
    for card in cards:
        of_card = [each for each in fits.found if each.card == card]
        if not of_card:
            table.add_row(card.name, "none", *[""] * 4, f"nothing fits up to {card.most or 8} GPUs")
        for at, fit in enumerate(of_card):
            why = f"recommended: {reason(fit, of_card)}" if at == 0 else ""
            stage = "" if fit.zero_stage is None else str(fit.zero_stage)
            row = fit.card.name, fit.method, f"{fit.workers}", stage, f"{fit.micro_batch:,}"
            table.add_row(*row, _alone(fit), why)
    said = (
        f"at once: the most sequences of {fits.longest:,} tokens, the longest of the data, on each "
        "GPU;\nalone: the tokens of the longest sequence that fits by itself, up to the model's "
        "context."
    )
    return Group(Text(said), Text(), table)


def fit_json(fits: Fits, cards: Sequence[Card]) -> Mapping[str, object]:
    """The same for scripts: of each GPU the methods that fit, the recommended one first."""
    found = {card: [each for each in fits.found if each.card == card] for card in cards}
    return {
        "longest": fits.longest,
        "gpus": [
            {
                "gpu": card.name,
                "gpu_bytes": card.memory,
                "methods": [_fit_json(each) for each in of_card],
                "why": reason(of_card[0], of_card) if of_card else None,
            }
            for card, of_card in found.items()
        ],
    }


def _fit_json(fit: Fit) -> Mapping[str, object]:
    return {
        "method": fit.method,
        "gpus": fit.workers,
        "zero_stage": fit.zero_stage,
        "at_once": fit.micro_batch,
        "longest_alone": fit.tokens,
        "whole_context": fit.is_whole,
    }


def _alone(fit: Fit) -> str:
    """`8,192`, or `all 4,096` where that is the model's context."""
    if fit.tokens is None:
        return ""
    return f"all {fit.tokens:,}" if fit.is_whole else f"{fit.tokens:,}"


def plan_json(found: Planned) -> Mapping[str, object]:
    """The plan for scripts, in bytes."""
    plan, choice, share = found.plan, found.choice, found.share
    return {
        "gpu": plan.card.name,
        "gpu_bytes": plan.card.memory,
        "usable_bytes": plan.room,
        "cuda_context_bytes": CONTEXT,
        "allocator_slack_bytes": slack(plan.card.memory),
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
                "breaking_term": line.breaking_term(),
                "most_at_once": line.estimate.largest_micro_batch(plan.room),
                "fits": line.fits(plan.room),
            }
            for line in plan.lines
        ],
        "evaluation": share.as_json() if share else None,
        "edits": [edit.model_dump(mode="json") for edit in found.edits],
        "notes": list(found.notes),
    }

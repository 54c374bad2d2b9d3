"""What `method: auto` takes: the method that fits, written into the sweep file in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from results.records.method_choice import MethodChoice
from sweeps.base.errors import SweepError
from sweeps.planning.cards import Card
from sweeps.planning.combinations import within
from sweeps.planning.sizes import shown
from sweeps.spec.spec import SweepSpec

if TYPE_CHECKING:
    from sweeps.planning.fit import Fit
    from trainables.training.inputs import Prepared


def choose(spec: SweepSpec, prepared: Prepared, card: Card, counts: Sequence[int]) -> MethodChoice:
    """The choice among the methods that the file allows; SweepError if none fits."""
    from sweeps.planning.fit import chosen

    found = chosen(spec, prepared, card, counts)
    if found is None:
        raise SweepError(
            f"method: auto: none of {', '.join(spec.open_methods)} fits {card.name} "
            f"({shown(card.memory)}), over {_ways(counts)}; use a larger GPU or a "
            "smaller data.max_length, or look at `sweep plan --fit`"
        )
    micro = spec.trial.micro_batch_size
    free = "micro_batch_size" in spec.space or spec.trial.micro_batch_grows
    most = found.micro_batch
    small = within(spec, found.workers, micro) > most and not free
    return MethodChoice(
        method=found.method,
        gpu=card.name,
        workers=found.workers,
        deepspeed=_engine(spec, found),
        micro_batch_size=within(spec, found.workers, most) if small else None,
        at_once=most,
        why=_why(spec, found),
    )


def with_choice(spec: SweepSpec, choice: MethodChoice) -> SweepSpec:
    """The sweep with the choice in its file, in place of `method: auto`.

    What the file says of the slots stays: a resume may change it.
    """
    tree: dict[str, object] = {**spec.tree, "method": choice.method}
    given = spec.tree.get("slots")
    slots = dict(given) if isinstance(given, Mapping) else {}
    if "workers" not in slots and choice.workers != spec.slots.workers:
        slots["workers"] = choice.workers
    if choice.deepspeed and spec.slots.deepspeed == "auto":
        slots["deepspeed"] = choice.deepspeed
    if slots:
        tree["slots"] = slots
    if choice.micro_batch_size is not None:
        tree["micro_batch_size"] = choice.micro_batch_size
    # Its paths were checked with the file.
    return replace(SweepSpec.parse(tree, elsewhere=True), name=spec.name)


def _engine(spec: SweepSpec, found: Fit) -> dict[str, object]:
    """The DeepSpeed settings to write down: only those that the slots would not take anyway."""
    usual = found.engine is None or found.engine.zero_stage == 2
    if spec.slots.deepspeed != "auto" or usual:
        return {}
    return {"zero_stage": found.zero_stage}


def _why(spec: SweepSpec, found: Fit) -> str:
    """`on 1 GPU of T4, 8 of the longest sequences fit at once; full needs more`"""
    where = f"on {found.workers} GPU{'s' * (found.workers > 1)} of {found.card.name}"
    if found.card.host:
        where = f"in {found.card.name} ({shown(found.card.memory)})"
    under = f" under ZeRO-{found.zero_stage}" if found.engine else ""
    fit = f"{found.micro_batch:,} of the longest sequences fit at once"
    before = spec.open_methods[: spec.open_methods.index(found.method)]
    others = [f"{method} needs more" for method in before]
    return "; ".join([f"{where}{under}, {fit}", *others])


def _ways(counts: Sequence[int]) -> str:
    """`1 worker`, `1, 2 or 4 workers`."""
    if len(counts) == 1:
        return f"{counts[0]} worker{'s' * (counts[0] > 1)}"
    return f"{', '.join(map(str, counts[:-1]))} or {counts[-1]} workers"

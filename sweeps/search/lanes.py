"""The lanes of a sweep's slots: as many as its file says; auto is one where more cannot help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from sweeps.spec.combinations import why_all_alone
from trainables.lanes.limits import MOST

if TYPE_CHECKING:
    from sweeps.spec.spec import SweepSpec


def lanes_of(spec: SweepSpec) -> int | Literal["auto"]:
    """The number for each slot; auto if each slot is to find it."""
    return 1 if why_one_lane(spec) else spec.slots.lanes


def most_lanes(spec: SweepSpec) -> int:
    """The most trials that a slot may train at once."""
    lanes = lanes_of(spec)
    return min(MOST, spec.trials) if lanes == "auto" else lanes


def lanes_said(spec: SweepSpec) -> str:
    """What is known of the number before any slot is up; empty if nothing is trained."""
    if not spec.trial.learns.trains:
        return ""
    if why := why_one_lane(spec):
        return f"one a slot, since {why}"
    if spec.slots.lanes == "auto":
        return "auto, found by each slot at its first trial"
    return f"{spec.slots.lanes} a slot"


def why_one_lane(spec: SweepSpec) -> str | None:
    """Why `slots.lanes` other than 1 is one, for all slots and before any is up; None if it is
    not."""
    if spec.slots.lanes == 1:
        return None
    if spec.slots.lanes == "auto" and (why := next(_against_more(spec), None)):
        return why
    return why_all_alone(spec.trial, spec.space)


def _against_more(spec: SweepSpec) -> Iterator[str]:
    """What makes auto one, but can be had in lanes or is refused with them."""
    if spec.slots.workers > 1 or spec.slots.engine is not None:
        yield "several workers or DeepSpeed hold one trial's weights"
    if spec.search.forks > 1:
        yield "search.forks draws few trunks, each by those before it"
    if spec.trial.micro_batch_grows:
        yield "micro_batch_size: auto fills a slot with one trial"

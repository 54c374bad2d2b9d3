"""A sweep as its edits leave it: more workers, and nothing that does not fit. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from results.records.record import Edit
from search_spaces.counting import count_points
from search_spaces.domains import Choice
from search_spaces.values import as_option, identity
from search_spaces.without import without_option
from sweeps.base.errors import SweepError
from sweeps.planning.combinations import combinations_of
from sweeps.planning.edits import MICRO, WORKERS, key_of
from sweeps.spec.fields import changed
from sweeps.spec.reach import Point
from sweeps.spec.spec import SweepSpec


def edited(spec: SweepSpec, edits: Sequence[Edit]) -> SweepSpec:
    """The sweep with the workers that its edits give it, and without the options that only occur in
    combinations taken out. SweepError if no combination is left."""
    if not edits:
        return spec
    workers = max(edit.changes.get(WORKERS, 1) for edit in edits)
    if workers > spec.slots.workers:
        spec = with_workers(spec, workers)
    points = combinations_of(spec)
    out = [edit for edit in edits if not edit.changes]
    if out and len(out) == len(points):
        raise SweepError(
            f"no trial of sweep {spec.name!r} fits the GPU: {out[0].why}; use a larger GPU, more "
            "slots.workers with ZeRO-3, or a method that needs less (`sweep plan --fit`)"
        )
    space = spec.space
    for name, option in _never(out, points):
        if name in space and any(
            isinstance(each, Choice) and each.contains(option) for each in space[name].domains
        ):
            space = without_option(space, name, option) or space
    if space is spec.space:
        return spec
    firsts = tuple(each for each in spec.first_points if not space.explain(each, partial=True))
    return replace(spec, space=space, first_points=firsts, trials=count_points(space, spec.trials))


def with_workers(spec: SweepSpec, workers: int) -> SweepSpec:
    """The sweep with so many workers in a slot, and with as many fewer slots where their number is
    set; SpecError if it cannot have them."""
    tree, slots = spec.tree, spec.slots
    for field in ("count", "max"):
        number = getattr(slots, field)
        if isinstance(number, int):
            fewer = max(1, number * slots.workers // workers)
            tree = changed(tree, f"slots.{field}", fewer)
    return SweepSpec.parse(changed(tree, WORKERS, workers))


def with_examples(spec: SweepSpec, examples: int | Literal["all"]) -> SweepSpec:
    """The sweep with so many in its file, in place of `evaluation.examples: auto`."""
    tree = changed(spec.tree, "evaluation.examples", examples)
    # Its paths were checked with the file.
    return replace(SweepSpec.parse(tree, elsewhere=True), name=spec.name)


def _never(out: Sequence[Edit], points: Sequence[Point]) -> list[tuple[str, object]]:
    """The values that occur in combinations taken out alone."""
    gone = {key_of(edit.point) for edit in out}
    left = {
        (name, identity(value))
        for point in points
        if key_of(point) not in gone
        for name, value in point.items()
    }
    found: dict[tuple[str, object], object] = {}
    for edit in out:
        for name, value in edit.point.items():
            option = as_option(value)
            if name != MICRO and (name, identity(option)) not in left:
                found[name, identity(option)] = option
    return [(name, value) for (name, _), value in found.items()]

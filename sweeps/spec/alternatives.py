"""Fields of which a sweep file sets one: an override of one takes the place of the others."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.dotted import without

_IN_PLACE_OF = {
    "budget.steps": ("budget.tokens", "budget.epochs"),
    "budget.tokens": ("budget.steps", "budget.epochs"),
    "budget.epochs": ("budget.steps", "budget.tokens"),
    "slots.count": ("slots.max",),
    "slots.max": ("slots.count",),
    "search.metric": ("search.metrics",),
    "search.metrics": ("search.metric", "search.mode"),
}


def without_alternatives(
    tree: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    """`tree` without the fields whose place the changes take; null takes no place.

    Two changes that exclude each other stay a mistake, which the check of the spec tells.
    """
    kept = dict(tree)
    for name, value in changes.items():
        for other in _IN_PLACE_OF.get(name, ()) if value is not None else ():
            kept = without(without(kept, [other]), other.split("."))
    return kept

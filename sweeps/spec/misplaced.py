"""What stands in the wrong place of a sweep file, and where it belongs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from search_spaces.notation import KINDS
from search_spaces.problem import did_you_mean
from search_spaces.values import show
from sweeps.early_stopping.registry import EARLY_STOPPING
from sweeps.samplers.registry import SAMPLERS
from trainables.config.searchable import NOT_SEARCHABLE
from trainables.config.trial import field_names
from trainables.methods.registry import METHODS
from trainables.objectives.registry import OBJECTIVES

_NAMES: Mapping[str, Collection[str]] = {
    "search.early_stopping": EARLY_STOPPING,
    "search.sampler": SAMPLERS,
    "method": METHODS,
    "objective": OBJECTIVES,
}
"""The fields whose values are names, for which `NAME:` may stand."""


_FIXED = tuple(f"{name}." for name in NOT_SEARCHABLE)


def fields_of_trials() -> list[str]:
    """The fields of a trial that a sweep file sets, those that cannot be searched among them."""
    return [name for name in field_names() if not name.startswith("deepspeed.")]


def instead_of(word: str, known: Collection[str]) -> str:
    """A remedy for an unknown field: the one whose value it is, else `did_you_mean`."""
    for field, names in _NAMES.items():
        if word in names:
            return f"it is a value of {field}: write {field}: {word}"
    return did_you_mean(word, known)


def to_search(place: str, given: object) -> str:
    """A remedy for several values, or a domain, in the place of the value of a field that can be
    searched; else empty."""
    if place not in fields_of_trials() or f"{place}.".startswith(_FIXED):
        return ""
    if isinstance(given, Mapping):
        domain = given if any(kind in given for kind in KINDS) else None
    else:
        domain = {"choice": given} if isinstance(given, list) and given else None
    written = f"{place}: {show(domain)}"
    return f"to search it, write it under space: `{written}`" if domain else ""

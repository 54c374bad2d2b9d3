"""A value that is known to be good before the first trial of a sweep."""

from __future__ import annotations

from collections.abc import Iterable

from results.records.record_value import Record

FACTOR = 2.0
"""How far from a prior good values may be on a log scale: its standard deviation, as a factor."""


class Prior(Record):
    """The `value` of the searched `name`, for trials of `method` (None: of any). The user's own, or
    by a formula."""

    name: str
    value: float
    method: str | None = None


def in_words(priors: Iterable[Prior]) -> str:
    """`learning_rate 0.0002 and lora.rank 4`; apart by method where they are for several."""
    told: dict[str | None, list[str]] = {}
    for prior in priors:
        told.setdefault(prior.method, []).append(f"{prior.name} {prior.value:g}")
    several = len(told) > 1
    return "; ".join(
        f"{'method ' + method + ' with ' if several and method else ''}{' and '.join(values)}"
        for method, values in told.items()
    )

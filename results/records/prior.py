"""A value that is known to be good before the first trial of a sweep."""

from __future__ import annotations

from results.records.record_value import Record

FACTOR = 2.0
"""How far from a prior good values may be on a log scale: its standard deviation, as a factor."""


class Prior(Record):
    """The `value` of the searched `name`, for trials of `method` (None: of any). The user's own, or
    by a formula."""

    name: str
    value: float
    method: str | None = None

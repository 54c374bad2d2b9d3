"""A trial of several that begin alike: what they have in common is trained once."""

from __future__ import annotations

from results.records.record_value import Count, Record


class Branch(Record):
    """A trial's place among those that begin alike: they are drawn with trial `trunk`, and
    `siblings` are all others.

    The trial took over its first `steps` from one of them, which had trained on `tokens` in
    `seconds` by then. They are not in the trial's own totals. 0 if it was trained whole.
    """

    trunk: Count
    siblings: tuple[Count, ...]
    steps: Count = 0
    seconds: float = 0.0
    tokens: Count = 0

"""The sequence length that would keep rows left out because they are too long."""

from __future__ import annotations

from collections.abc import Iterable

from trainables.data.tokens.items import Made

KEPT = 95
"""Percentage of rows that the suggested length keeps."""


def length_notes(files: Iterable[tuple[str, Made]], length: int, wanted: int) -> tuple[str, ...]:
    """Notes on the named files with rows that do not fit `length`.

    `wanted` is `data.max_length`, which the model's context may have cut to `length`.
    """
    notes = (_note(name, made, length, wanted) for name, made in files)
    return tuple(note for note in notes if note)


def _note(name: str, made: Made, length: int, wanted: int) -> str:
    needs = sorted(drop.needs for drop in made.drops if drop.needs)
    if not needs:
        return ""
    rows = len({item.where for item in made.items}) + len(needs)
    reasons = dict.fromkeys(drop.reason for drop in made.drops if drop.needs)
    note = f"{name}: {len(needs):,} of {rows:,} rows left out ({', '.join(reasons)} {length:,})"
    more = rows * (100 - KEPT) // 100
    if len(needs) <= more:
        return note
    enough = needs[-1 - more]
    beyond = ", beyond the model's context" if length < wanted and enough > length else ""
    return f"{note}; data.max_length: {enough} would keep {KEPT}%{beyond}"

"""The train/validation split: seeded, and with equal records always on the same side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from trainables.data.errors import DataError


class Split(NamedTuple):
    """The places of the records on each side, in their original order."""

    train: list[int]
    validation: list[int]


def split(
    keys: Sequence[Hashable], fraction: float, seed: int, weights: Sequence[int] | None = None
) -> Split:
    """Hold out about `fraction` of all weight (each record weighs 1 unless told otherwise).

    Records with equal keys stay together. Each side gets one record at least; DataError where
    that cannot be.
    """
    sizes = [1] * len(keys) if weights is None else list(weights)
    groups = _groups(keys)
    if len(groups) < 2:
        raise DataError(
            f"data.validation: {len(keys)} usable records, {len(groups)} of them different, cannot "
            "be split into train and validation; add records or name a validation file"
        )
    rng = np.random.default_rng(seed)
    shuffled = [groups[place] for place in rng.permutation(len(groups))]
    held_out = _fill(shuffled, sizes, fraction * sum(sizes))
    inside = set(held_out)
    return Split([place for place in range(len(keys)) if place not in inside], sorted(held_out))


def duplicates(keys: Sequence[Hashable]) -> int:
    """How many records repeat an earlier one."""
    return len(keys) - len(set(keys))


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _fill(groups: Sequence[list[int]], sizes: Sequence[int], wanted: float) -> list[int]:
    """Whole groups, in their order, each one that brings the sum nearer to `wanted`.

    One group always goes in (the lightest, if all are too heavy) and one always stays out.
    """
    chosen: list[list[int]] = []
    weight = 0
    for group in groups:
        heavier = weight + sum(sizes[place] for place in group)
        if abs(heavier - wanted) < abs(weight - wanted):
            chosen.append(group)
            weight = heavier
    if not chosen:
        chosen = [min(groups, key=lambda group: sum(sizes[place] for place in group))]
    if len(chosen) == len(groups):
        chosen.pop()
    return [place for group in chosen for place in group]

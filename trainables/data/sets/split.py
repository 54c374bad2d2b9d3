"""Seeded splits of the training records, with equal records always on the same side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from trainables.core.data_error import DataError


class Split(NamedTuple):
    """The places of the records on each side, in their original order."""

    train: list[int]
    validation: list[int]


class Places(NamedTuple):
    """The places of the records in each of the three sets, in their original order."""

    train: list[int]
    validation: list[int]
    test: list[int]


def hold_out(
    keys: Sequence[Hashable],
    validation: float | None,
    test: float | None,
    seed: int,
    weights: Sequence[int] | None = None,
    strata: Sequence[int] | None = None,
) -> Places:
    """Hold out these fractions of the total weight; None, or no records, holds out nothing.

    The validation set is the same with and without a test set.
    """
    sizes = [1] * len(keys) if weights is None else list(weights)
    classes = [0] * len(keys) if strata is None else list(strata)
    rest = list(range(len(keys)))
    held_out: dict[str, list[int]] = {"validation": [], "test": []}
    for side, fraction in (("validation", validation), ("test", test)):
        if fraction is None or not rest:
            continue
        left = sum(sizes[place] for place in rest)
        part = split(
            [keys[place] for place in rest],
            min(1.0, fraction * sum(sizes) / left),
            seed,
            [sizes[place] for place in rest],
            [classes[place] for place in rest],
            side,
        )
        held_out[side] = [rest[place] for place in part.validation]
        rest = [rest[place] for place in part.train]
    return Places(rest, held_out["validation"], held_out["test"])


def split(
    keys: Sequence[Hashable],
    fraction: float,
    seed: int,
    weights: Sequence[int] | None = None,
    strata: Sequence[int] | None = None,
    side: str = "validation",
) -> Split:
    """Hold out about `fraction` of the total weight (by default, each record weighs 1).

    Records with equal keys stay together. With `strata`, the class of each record, every class is
    held out in proportion. Each side gets at least one record; DataError if that is impossible.
    """
    sizes = [1] * len(keys) if weights is None else list(weights)
    groups = _groups(keys)
    if len(groups) < 2:
        raise DataError(
            f"data.{side}: {len(keys)} usable records, {len(groups)} of them different, cannot "
            f"be split into train and {side}; add records or name a {side} file"
        )
    rng = np.random.default_rng(seed)
    shuffled = [groups[place] for place in rng.permutation(len(groups))]
    staying = 1
    if strata is not None:
        shuffled = _interleaved(shuffled, strata)
        staying = len({strata[group[0]] for group in groups})
    held_out = _fill(shuffled[:-staying] or shuffled[:-1], sizes, fraction * sum(sizes))
    inside = set(held_out)
    return Split([place for place in range(len(keys)) if place not in inside], sorted(held_out))


def duplicates(keys: Sequence[Hashable]) -> int:
    """Number of records that repeat an earlier one."""
    return len(keys) - len(set(keys))


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _interleaved(groups: Sequence[list[int]], strata: Sequence[int]) -> list[list[int]]:
    """The groups in an order where any prefix has all classes in proportion.

    The last group of each class comes after all others and is not held out, so no class is held out
    entirely (unless each class has only one group).
    """
    of_class: dict[int, list[list[int]]] = {}
    for group in groups:
        of_class.setdefault(strata[group[0]], []).append(group)
    placed = [
        ((rank + 0.5) / len(members) + (rank == len(members) - 1), group)
        for members in of_class.values()
        for rank, group in enumerate(members)
    ]
    return [group for _, group in sorted(placed, key=lambda pair: pair[0])]


def _fill(groups: Sequence[list[int]], sizes: Sequence[int], wanted: float) -> list[int]:
    """Whole groups, in order, each added if it brings the sum nearer to `wanted`.

    At least one group is included: the lightest, if all are too heavy.
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
    return [place for group in chosen for place in group]

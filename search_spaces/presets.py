"""Ready spaces with known-good starting points, and overlays of a user's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from search_spaces.notation import (
    read_domain,
    read_entries,
    read_when,
    write_entries,
    write_entry,
)
from search_spaces.problem import DomainError, Problem, SpaceError, did_you_mean
from search_spaces.space import Space
from search_spaces.values import Value, as_option, identity

_FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named space.

    `method` is its method, None if the space searches the method; `space` is a tree for
    `Space.parse`; `first_points` are points of it, worth trying first. The preset's file names the
    literature for them.
    """

    name: str
    method: str | None
    space: Mapping[str, object]
    first_points: tuple[Mapping[str, Value], ...]

    def points_under(self, fixed_values: Mapping[str, object]) -> list[Mapping[str, Value]]:
        """The first points, except those that `fixed_values` moves to another branch of a name.

        A good point for one method says nothing about another.
        """
        deciding = {
            parent
            for dimension in Space.parse(self.space).values()
            if len(dimension.branches) > 1
            for parent in dimension.parents
        }
        return [
            point
            for point in self.first_points
            if all(
                _same(fixed_values[name], point[name])
                for name in deciding & point.keys() & fixed_values.keys()
            )
        ]


def names() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def load(name: str) -> Preset:
    """The preset called `name`; SpaceError if there is none."""
    known = names()
    if name not in known:
        raise SpaceError(
            [Problem("preset", f"there is no preset {name!r}", did_you_mean(name, known))]
        )
    tree = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    space = Space.parse(tree["space"])
    points = tuple(space.parse_point(point) for point in tree["first_points"])
    return Preset(name, tree.get("method"), tree["space"], points)


def overlay(
    tree: Mapping[str, object],
    user_tree: Mapping[str, object],
    fixed_values: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """A preset's tree with a user's entries over it.

    A user's entry replaces the preset's of the same name, and null removes it. `fixed_values` are
    the user's settings for all trials; they remove entries, too. The preset's remaining conditions
    are narrowed to the values that are still possible, and its impossible entries are dropped.
    """
    fixed = fixed_values or {}
    merged = {
        name: entry
        for name, entry in {**tree, **user_tree}.items()
        if name in user_tree or name not in fixed
    }
    for name in tree:
        if name in merged and merged[name] is None:
            del merged[name]
    while True:
        narrowed = {
            name: entry if name in user_tree else _narrowed(entry, merged, fixed)
            for name, entry in merged.items()
        }
        kept = {name: entry for name, entry in narrowed.items() if entry or name in user_tree}
        if kept == merged:
            return kept
        merged = kept


def fitting(first_points: Iterable[Mapping[str, Value]], space: Space) -> list[dict[str, Value]]:
    """The parts of `first_points` that fit `space`, as possibly partial points.

    Missing and inactive names are removed from a point; points with a value outside its domain are
    dropped, as are repeated ones.
    """
    points: list[dict[str, Value]] = []
    for first_point in first_points:
        known = {name: value for name, value in first_point.items() if name in space}
        states = space.activity(known)
        point = {name: value for name, value in known.items() if states[name] is not False}
        if point and point not in points and not space.explain(point, partial=True):
            points.append(point)
    return points


def _narrowed(entry: object, tree: Mapping[str, object], fixed: Mapping[str, object]) -> object:
    """The possible part of `entry`; None if there is none."""
    parts = [_narrowed_part(part, tree, fixed) for part in read_entries(entry)]
    left = [part for part in parts if part is not None]
    return write_entries(left) if left else None


def _narrowed_part(part: object, tree: Mapping[str, object], fixed: Mapping[str, object]) -> object:
    """`part` with only the possible accepted values; None if a condition has none."""
    before = read_when(part)
    after = {
        parent: tuple(value for value in accepted if _can_be(parent, value, tree, fixed))
        for parent, accepted in before.items()
    }
    if not all(after.values()):
        return None
    open_conditions = {parent: after[parent] for parent in after if parent in tree}
    if open_conditions == before:
        return part
    return write_entry(read_domain(part), open_conditions)


def _can_be(
    parent: str, value: object, tree: Mapping[str, object], fixed: Mapping[str, object]
) -> bool:
    if parent not in tree:
        return parent in fixed and _same(fixed[parent], value)
    try:
        return any(read_domain(part).contains(value) for part in read_entries(tree[parent]))
    except DomainError:
        return True  # the user's entry is unreadable; Space.parse reports it


def _same(one: object, other: object) -> bool:
    return identity(as_option(one)) == identity(as_option(other))

"""The combinations of values that a space can produce. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, combinations

from search_spaces.dimension import Branch
from search_spaces.domains import Choice, Domain
from search_spaces.space import Space
from search_spaces.values import identity

LIMIT = 4_000
"""Maximum number of combinations checked one by one."""

_ALL_OF = 1_000
"""Maximum size of a domain whose values are all tried; of a larger one, only the ends."""

Point = dict[str, object]


def reachable(
    space: Space, names: Iterable[str], limit: int | None = None, each: int = _ALL_OF
) -> list[Point]:
    """Every combination of the values of `names`; inactive names are left out.

    A long or continuous range is represented by its ends, and one of more than `each` values by so
    many of them. Above the limit (None: LIMIT), only those of any two names are listed, with the
    others at their first values.
    """
    wanted, limit = [name for name in names if name in space], limit or LIMIT
    points = _combined(space, wanted, wanted, each)
    if len(points) <= limit:
        return points
    pairs = (_combined(space, wanted, pair, each) for pair in combinations(wanted, 2))
    return _distinct(chain.from_iterable(pairs), 2 * limit)


def _combined(space: Space, wanted: Sequence[str], free: Sequence[str], each: int) -> list[Point]:
    """At most LIMIT + 1 points; a name that `free` does not depend on has its first value."""
    names, varied = _with_parents(space, wanted), _with_parents(space, free)
    points: list[Point] = [{}]
    for at, name in enumerate(names):
        asked = [_conditions(space, later) for later in names[at + 1 :]]
        keep = {*wanted, *(parent for when in asked for parent in when)}
        accepted = [values for when in asked for values in when.get(name, ())]
        extended = chain.from_iterable(
            _extended(space, point, name, accepted, each if name in varied else 0)
            for point in points
        )
        points = _distinct(
            ({key: value for key, value in point.items() if key in keep} for point in extended),
            LIMIT + 1,
        )
    return points


def _extended(
    space: Space, point: Point, name: str, accepted: Collection[tuple[object, ...]], each: int
) -> list[Point]:
    """The point with each value of `name`, or with the first one if `each` is 0."""
    for branch in space[name].branches:
        if _holds(branch, point):
            values = _values(branch.domain, accepted, each)
            return [{**point, name: value} for value in (values if each else values[:1])]
    return [point]


def _with_parents(space: Space, names: Iterable[str]) -> list[str]:
    """The names and their dependencies, in order of dependency."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for parent in space[name].parents:
            add(parent)
        ordered[name] = None

    for name in names:
        add(name)
    return list(ordered)


def _conditions(space: Space, name: str) -> dict[str, list[tuple[object, ...]]]:
    """For each parent, the values that the branches of `name` accept."""
    return {
        parent: [branch.when[parent] for branch in space[name].branches if parent in branch.when]
        for parent in space[name].parents
    }


def _holds(branch: Branch, point: Mapping[str, object]) -> bool:
    return all(
        name in point and identity(point[name]) in map(identity, accepted)
        for name, accepted in branch.when.items()
    )


def _values(
    domain: Domain, accepted: Iterable[tuple[object, ...]], each: int
) -> tuple[object, ...]:
    if isinstance(domain, Choice):
        return domain.grid()
    waited_for = [value for values in accepted for value in values if domain.contains(value)]
    if (domain.cardinality or _ALL_OF + 1) > _ALL_OF:
        return tuple(dict.fromkeys((domain.low, domain.high, *waited_for)))
    grid = domain.grid()
    return grid if len(grid) <= max(2, each) else (*_thinned(grid, max(2, each)), *waited_for)


def _thinned(grid: Sequence[object], count: int) -> list[object]:
    """So many values with both ends, closer together at the beginning."""
    places = (round(len(grid) ** (at / (count - 1))) - 1 for at in range(count))
    return [grid[place] for place in dict.fromkeys(places)]


def _distinct(points: Iterable[Point], most: int) -> list[Point]:
    distinct: dict[object, Point] = {}
    for point in points:
        distinct.setdefault(identity(tuple(point.items())), point)
        if len(distinct) == most:
            break
    return list(distinct.values())

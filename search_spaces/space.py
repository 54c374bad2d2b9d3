"""What may vary: an ordered mapping of dotted names to dimensions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from search_spaces.conditions import (
    Conditions,
    Dimension,
    describe,
    find_problems,
    is_active,
    normalised,
    sort_parents_first,
)
from search_spaces.domains import Domain
from search_spaces.notation import read_domain, read_value, read_when, write_entry
from search_spaces.problem import Problem, SpaceError, did_you_mean, noting
from search_spaces.values import show

GRID_LIMIT = 100_000
"""More points than this are taken for a mistake."""


class Space(Mapping[str, Dimension]):
    """Named dimensions, some of which exist only while others take certain values.

    Immutable. Raises SpaceError where the conditions do not fit together.
    """

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        domains = {name: dimension.domain for name, dimension in dimensions.items()}
        conditions = {name: dimension.when for name, dimension in dimensions.items()}
        problems = find_problems(conditions, domains, dimensions)
        if problems:
            raise SpaceError(problems)
        self._dimensions = normalised(dimensions)
        self._parents_first = sort_parents_first(dimensions)

    @classmethod
    def parse(
        cls,
        tree: Mapping[str, Any],
        names: Collection[str] | None = None,
        fixed: Mapping[str, str] | None = None,
    ) -> Space:
        """Read a space as it stands in a YAML file; see notation.py for what can be written.

        `names` are the dotted names that exist (None: any), `fixed` those that must not vary, each
        with the reason; it covers the names below it. Raises SpaceError with every mistake.
        """
        if not isinstance(tree, Mapping):
            message = f"is {show(tree)}, not a mapping of names to domains"
            raise SpaceError([Problem("space", message, "write NAME: {choice: [...]}")])
        problems: list[Problem] = []
        domains: dict[str, Domain] = {}
        conditions: dict[str, Conditions] = {}
        for name, entry in tree.items():
            refusal = _refusal(name, names, fixed or {})
            if refusal:
                problems.append(refusal)
                continue
            if names is not None and name not in names:
                free = [other for other in names if not _refusal(other, None, fixed or {})]
                problems.append(Problem(name, "is not a known name", did_you_mean(name, free)))
            with noting(problems, name):
                domains[name] = read_domain(entry)
            with noting(problems, name):
                conditions[name] = read_when(entry)
        problems += find_problems(conditions, domains, list(map(str, tree)))
        if problems:
            raise SpaceError(problems)
        return cls({name: Dimension(domains[name], conditions[name]) for name in domains})

    def dump(self) -> dict[str, dict[str, Any]]:
        """The tree that `parse` reads back as an equal space; plain YAML and JSON values only."""
        return {name: write_entry(each.domain, each.when) for name, each in self.items()}

    def __getitem__(self, name: str) -> Dimension:
        return self._dimensions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dimensions)

    def __len__(self) -> int:
        return len(self._dimensions)

    def __repr__(self) -> str:
        return f"Space({self._dimensions!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the file."""
        return tuple(self._dimensions)

    @property
    def parents_first(self) -> tuple[str, ...]:
        """All names, in an order in which every condition can be decided when its turn comes."""
        return self._parents_first

    def activity(self, params: Mapping[str, Any]) -> dict[str, bool | None]:
        """Whether each dimension exists, given `params`.

        None where that hangs on a value that `params` lacks, or that is outside its domain.
        """
        states: dict[str, bool | None] = {}
        for name in self._parents_first:
            states[name] = is_active(name, self._dimensions, states, params)
        return {name: states[name] for name in self}

    def active(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The names that exist, given the values of their parents in `params`."""
        return tuple(name for name, state in self.activity(params).items() if state)

    def contains(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` is one whole point: a value for each active name, and no other."""
        return not self.explain(params)

    def explain(self, params: Mapping[str, Any], *, partial: bool = False) -> list[Problem]:
        """Why `params` is no point of this space; empty where it is one.

        A `partial` point may leave values out, for a sampler to fill in.
        """
        problems = [
            Problem(str(name), "is not in the space", did_you_mean(str(name), self.names))
            for name in params
            if name not in self
        ]
        for name, state in self.activity(params).items():
            dimension = self[name]
            if name not in params:
                if state and not partial:
                    problems.append(Problem(name, "is missing", f"it takes {dimension.domain}"))
            elif state is False:
                message = f"does not exist here, only with {describe(dimension.when)}"
                problems.append(Problem(name, message, "leave it out"))
            else:
                with noting(problems, name):
                    dimension.domain.canonical(params[name])
        return problems

    def parse_point(self, point: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
        """Read a point as it stands in a YAML file, e.g. with lists and 1e-4.

        Raises SpaceError with everything that `explain` finds.
        """
        if not isinstance(point, Mapping):
            message = f"is {show(point)}, not a mapping of names to values"
            raise SpaceError([Problem("point", message, "write {NAME: VALUE}")])
        params = {name: read_value(value) for name, value in point.items()}
        problems = self.explain(params, partial=partial)
        if problems:
            raise SpaceError(problems)
        return {name: self[name].domain.canonical(params[name]) for name in self if name in params}

    def grid(self) -> list[dict[str, Any]]:
        """Every point, without inactive names; of `parents_first`, the first name varies slowest.

        Raises SpaceError that names each continuous dimension, or where there are too many points.
        """
        problems: list[Problem] = []
        for name, dimension in self.items():
            if dimension.domain.cardinality is None:
                with noting(problems, name):
                    dimension.domain.grid()
        if problems:
            raise SpaceError(problems)
        points: list[dict[str, Any]] = [{}]
        for name in self._parents_first:
            points = self._extended(points, name)
        return [{name: point[name] for name in self if name in point} for point in points]

    def _extended(self, points: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
        cardinality = self[name].domain.cardinality
        assert cardinality is not None
        always = not self[name].when
        active = [always or bool(self.activity(point)[name]) for point in points]
        size = len(points) + sum(active) * (cardinality - 1)
        if size > GRID_LIMIT:
            message = f"the grid grows to {size:,} points here, over {GRID_LIMIT:,}"
            raise SpaceError([Problem(name, message, "give fewer values, or larger steps")])
        values = self[name].domain.grid()
        return [
            extended
            for point, exists in zip(points, active, strict=True)
            for extended in ([{**point, name: value} for value in values] if exists else [point])
        ]


def _refusal(name: Any, names: Collection[str] | None, fixed: Mapping[str, str]) -> Problem | None:
    if not isinstance(name, str):
        return Problem(show(name), "is not a name", "names are texts, such as learning_rate")
    for held, reason in fixed.items():
        if name == held or name.startswith(f"{held}."):
            return Problem(name, f"cannot be searched: {reason}", "take it out of the space")
    below = [other for other in names or () if other.startswith(f"{name}.")]
    if below:
        return Problem(name, "is a group of fields", f"name one of them: {', '.join(below)}")
    return None

"""A search space: an ordered mapping of dotted names to dimensions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from search_spaces.conditions import (
    Standing,
    find_standings,
    normalised,
    sort_parents_first,
)
from search_spaces.dimension import Dimension, describe
from search_spaces.domains import Domain
from search_spaces.draft import Draft, find_problems, placed
from search_spaces.notation import (
    read_domain,
    read_entries,
    read_value,
    read_when,
    write_entries,
    write_entry,
)
from search_spaces.problem import Problem, SpaceError, did_you_mean, noting
from search_spaces.values import Value, show

GRID_LIMIT = 100_000
"""Maximum number of points; more are taken for a mistake."""


class Space(Mapping[str, Dimension]):
    """Named dimensions, some of which exist only while others take certain values.

    Immutable. Raises SpaceError if the conditions conflict.
    """

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        problems = find_problems(
            {
                name: [
                    Draft(place, branch.domain, branch.when)
                    for place, branch in placed(name, dimension.branches)
                ]
                for name, dimension in dimensions.items()
            }
        )
        if problems:
            raise SpaceError(problems)
        self._dimensions = normalised(dimensions)
        self._parents_first = sort_parents_first(dimensions)

    @classmethod
    def parse(
        cls,
        tree: object,
        names: Collection[str] | None = None,
        fixed: Mapping[str, str] | None = None,
    ) -> Space:
        """Read a space from its YAML tree; see notation.py for the notation.

        `names` are the dotted names that exist (None: any), `fixed` those that must not vary, each
        with the reason; it covers the names below it. Raises SpaceError with every mistake.
        """
        if not isinstance(tree, Mapping):
            message = f"is {show(tree)}, not a mapping of names to domains"
            raise SpaceError([Problem("space", message, "write NAME: {choice: [...]}")])
        problems: list[Problem] = []
        drafts: dict[str, list[Draft]] = {}
        for name, entry in tree.items():
            drafts[str(name)] = []
            refusal = _refusal(name, names, fixed or {})
            if refusal:
                problems.append(refusal)
                continue
            if names is not None and name not in names:
                free = [other for other in names if not _refusal(other, None, fixed or {})]
                problems.append(Problem(name, "is not a known name", did_you_mean(name, free)))
            parts = placed(name, read_entries(entry))
            drafts[name] = [_drafted(place, part, problems) for place, part in parts]
        problems += find_problems(drafts)
        if problems:
            raise SpaceError(problems)
        return cls(
            {
                name: Dimension(tuple(entry.finished() for entry in entries))
                for name, entries in drafts.items()
            }
        )

    def dump(self) -> dict[str, object]:
        """The inverse of `parse`; plain YAML and JSON values only."""
        return {
            name: write_entries(
                [write_entry(branch.domain, branch.when) for branch in dimension.branches]
            )
            for name, dimension in self.items()
        }

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
        """All names, in an order in which parents come before the names that depend on them."""
        return self._parents_first

    def standings(self, params: Mapping[str, object]) -> dict[str, Standing]:
        """The possible branches of each name, given `params`."""
        standings = find_standings(self._dimensions, self._parents_first, params)
        return {name: standings[name] for name in self}

    def activity(self, params: Mapping[str, object]) -> dict[str, bool | None]:
        """Whether each name exists, given `params`.

        None if that depends on a value missing in `params`, or outside its domain.
        """
        return {name: standing.active for name, standing in self.standings(params).items()}

    def active(self, params: Mapping[str, object]) -> tuple[str, ...]:
        """The names that exist, given the values of their parents in `params`."""
        return tuple(name for name, state in self.activity(params).items() if state)

    def contains(self, params: Mapping[str, object]) -> bool:
        """Whether `params` is one whole point: a value for each active name, and no other."""
        return not self.explain(params)

    def explain(self, params: Mapping[str, object], *, partial: bool = False) -> list[Problem]:
        """Why `params` is not a point of this space; empty if it is one.

        A `partial` point may omit values, for a sampler to fill in. A value whose branch depends
        on an omitted one must be in one of the possible branches.
        """
        problems = [
            Problem(str(name), "is not in the space", did_you_mean(str(name), self.names))
            for name in params
            if name not in self
        ]
        for name, standing in self.standings(params).items():
            if name not in params:
                if standing.sure and not partial:
                    domain = standing.branches[0].domain
                    problems.append(Problem(name, "is missing", f"it takes {domain}"))
            elif not standing.branches:
                wanted = " or with ".join(describe(each.when) for each in self[name].branches)
                message = f"exists only with {wanted}"
                problems.append(Problem(name, message, "leave it out"))
            else:
                with noting(problems, name):
                    standing.canonical(params[name])
        return problems

    def parse_point(
        self, point: Mapping[str, object], *, partial: bool = False
    ) -> dict[str, Value]:
        """Read a point from YAML, e.g. with lists and 1e-4.

        Raises SpaceError with all problems from `explain`.
        """
        if not isinstance(point, Mapping):
            message = f"is {show(point)}, not a mapping of names to values"
            raise SpaceError([Problem("point", message, "write {NAME: VALUE}")])
        params = {name: read_value(value) for name, value in point.items()}
        problems = self.explain(params, partial=partial)
        if problems:
            raise SpaceError(problems)
        return {
            name: standing.canonical(params[name])
            for name, standing in self.standings(params).items()
            if name in params
        }

    def grid(self) -> list[dict[str, Value]]:
        """Every point, without inactive names; of `parents_first`, the first name varies slowest.

        Raises SpaceError with all continuous dimensions, or if there are too many points.
        """
        problems: list[Problem] = []
        for name, dimension in self.items():
            for domain in dimension.domains:
                if domain.cardinality is None:
                    with noting(problems, name):
                        domain.grid()
        if problems:
            raise SpaceError(problems)
        points: list[dict[str, Value]] = [{}]
        for name in self._parents_first:
            points = self._extended(points, name)
        return [{name: point[name] for name in self if name in point} for point in points]

    def _extended(self, points: list[dict[str, Value]], name: str) -> list[dict[str, Value]]:
        held = [self.held(name, point) for point in points]
        size = sum(domain.cardinality or 0 if domain else 1 for domain in held)
        if size > GRID_LIMIT:
            message = f"the grid reaches {size:,} points here, over the limit of {GRID_LIMIT:,}"
            raise SpaceError([Problem(name, message, "give fewer values, or larger steps")])
        return [
            extended
            for point, domain in zip(points, held, strict=True)
            for extended in ([{**point, name: v} for v in domain.grid()] if domain else [point])
        ]

    def held(self, name: str, params: Mapping[str, object]) -> Domain | None:
        """The domain of `name`, given the values of its parents; None if it has none."""
        if not self[name].parents:
            return self[name].domain
        standing = self.standings(params)[name]
        return standing.branches[0].domain if standing.sure else None


def _drafted(place: str, entry: object, problems: list[Problem]) -> Draft:
    domain = when = None
    with noting(problems, place):
        domain = read_domain(entry)
    with noting(problems, place):
        when = read_when(entry)
    return Draft(place, domain, when)


def _refusal(
    name: object, names: Collection[str] | None, fixed: Mapping[str, str]
) -> Problem | None:
    if not isinstance(name, str):
        return Problem(show(name), "is not a valid name", "use a string, such as learning_rate")
    for held, reason in fixed.items():
        if name == held or name.startswith(f"{held}."):
            return Problem(name, f"cannot be searched: {reason}", "remove it from the space")
    below = [other for other in names or () if other.startswith(f"{name}.")]
    if below:
        return Problem(name, "is a group of fields", f"name one of them: {', '.join(below)}")
    return None

"""The number of points of a space, without listing more of them than needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search_spaces.domains import Domain
from search_spaces.space import Space
from search_spaces.values import Value, identity


def count_points(space: Space, most: int, given: Mapping[str, Value] | None = None) -> int:
    """Number of points of the space that agree with the values `given`, at most `most`.

    Infinitely many count as `most`. A value given to a name that a point lacks, or of another of
    its branches, rules nothing out.
    """
    parents = {parent for dimension in space.values() for parent in dimension.parents}
    branching = [name for name in space.parents_first if name in parents]
    others = [name for name in space if name not in parents]
    return _Counter(space, branching, others, given or {}).count(0, {}, most)


def agreeing(
    space: Space, points: Iterable[Mapping[str, Value]], given: Mapping[str, Value]
) -> list[Mapping[str, Value]]:
    """Those points that have the values `given`, in the sense of `count_points`."""
    found = list(points)
    for name, value in given.items():
        wanted = _Wanted(space, name, value)
        found = [point for point in found if wanted.agrees(point)]
    return found


class _Wanted:
    """A value of a name, which each domain of the name spells once."""

    def __init__(self, space: Space, name: str, value: Value) -> None:
        self._space, self._name, self._value = space, name, value
        self._spelled: dict[int, object] = {}

    def agrees(self, point: Mapping[str, Value]) -> bool:
        """Whether a point has the value, or no use for it."""
        domain = self._space.held(self._name, point) if self._name in point else None
        if domain is None:
            return True
        if id(domain) not in self._spelled:
            self._spelled[id(domain)] = self._spelling(domain)
        spelled = self._spelled[id(domain)]
        return spelled is _NOWHERE or spelled == identity(point[self._name])

    def _spelling(self, domain: Domain) -> object:
        if not domain.contains(self._value):
            return _NOWHERE
        return identity(domain.canonical(self._value))


_NOWHERE = object()
"""Stands for a value that a domain does not have."""


class _Counter:
    """Goes through the values of the names that others depend on; the others only multiply."""

    def __init__(
        self, space: Space, branching: list[str], others: list[str], given: Mapping[str, Value]
    ) -> None:
        self._space = space
        self._branching = branching
        self._others = others
        self._given = given

    def count(self, at: int, point: dict[str, Value], most: int) -> int:
        """The number of points with the values of `point`, those of the first `at` parents."""
        if at == len(self._branching):
            return self._product(point, most)
        name = self._branching[at]
        domain = self._space.held(name, point)
        if domain is None:
            return self.count(at + 1, point, most)
        if (fixed := self._fixed(name, domain)) is not None:
            return self.count(at + 1, {**point, name: fixed[0]}, most)
        if domain.cardinality is None or domain.cardinality >= most:
            return most
        found = 0
        for value in domain.grid():
            found += self.count(at + 1, {**point, name: value}, most - found)
            if found >= most:
                break
        return found

    def _product(self, point: Mapping[str, Value], most: int) -> int:
        found = 1
        for name in self._others:
            domain = self._space.held(name, point)
            if domain is not None and self._fixed(name, domain) is None:
                found *= most if domain.cardinality is None else domain.cardinality
        return min(found, most)

    def _fixed(self, name: str, domain: Domain) -> tuple[Value] | None:
        value = self._given.get(name)
        if name in self._given and domain.contains(value):
            return (domain.canonical(value),)
        return None

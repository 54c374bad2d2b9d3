"""The branches that hold, given the values of other names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.dimension import Branch, Dimension, spelt
from search_spaces.problem import DomainError
from search_spaces.values import Value, identity, show


@dataclass(frozen=True, slots=True)
class Standing:
    """The branches of a name that can hold, given some values; `sure` if one certainly does."""

    branches: tuple[Branch, ...]
    sure: bool

    @property
    def active(self) -> bool | None:
        """Whether the name exists; None if undecided."""
        if not self.branches:
            return False
        return True if self.sure else None

    def canonical(self, value: object) -> Value:
        """The spelling of `value` in the first branch that has it; DomainError if none does."""
        for branch in self.branches:
            if branch.domain.contains(value):
                return branch.domain.canonical(value)
        domains = " or ".join(str(branch.domain) for branch in self.branches)
        raise DomainError(f"{show(value)} is not in {domains}")


def find_standings(
    dimensions: Mapping[str, Dimension],
    parents_first: tuple[str, ...],
    params: Mapping[str, object],
) -> dict[str, Standing]:
    """The standing of each name; undecided if a parent's value is missing or faulty."""
    standings: dict[str, Standing] = {}
    for name in parents_first:
        branches = dimensions[name].branches
        answers = [_holds(branch, standings, params) for branch in branches]
        possible = [
            branch for branch, answer in zip(branches, answers, strict=True) if answer is not False
        ]
        standings[name] = Standing(tuple(possible), True in answers)
    return standings


def normalised(dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """The same dimensions, with accepted values in the spelling of the parents' domains."""
    return {
        name: Dimension(tuple(_normalised(branch, dimensions) for branch in dimension.branches))
        for name, dimension in dimensions.items()
    }


def sort_parents_first(dimensions: Mapping[str, Dimension]) -> tuple[str, ...]:
    """The names in the given order, except that parents come first."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for parent in dimensions[name].parents:
                visit(parent)
            ordered[name] = None

    for name in dimensions:
        visit(name)
    return tuple(ordered)


def _normalised(branch: Branch, dimensions: Mapping[str, Dimension]) -> Branch:
    when = {
        parent: spelt(accepted, dimensions[parent].domains)
        for parent, accepted in branch.when.items()
    }
    return Branch(branch.domain, when)


def _holds(
    branch: Branch, standings: Mapping[str, Standing], params: Mapping[str, object]
) -> bool | None:
    answers = [
        _is_met(standings[parent], parent, accepted, params)
        for parent, accepted in branch.when.items()
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _is_met(
    standing: Standing, parent: str, accepted: tuple[object, ...], params: Mapping[str, object]
) -> bool | None:
    if not standing.active:
        return standing.active
    if parent not in params:
        return None
    try:
        value = standing.canonical(params[parent])
    except DomainError:
        return None
    return identity(value) in map(identity, accepted)

"""Dimensions that exist only while others take certain values, as a graph."""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.domains import Domain
from search_spaces.problem import Problem, did_you_mean
from search_spaces.values import show

Conditions = Mapping[str, tuple[Any, ...]]
"""Name -> accepted values; all names must have one of theirs."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A domain, and the conditions that switch it on; without any it always is."""

    domain: Domain
    when: Conditions = field(default_factory=dict)


def describe(when: Conditions) -> str:
    """The conditions in words: `schedule wsd and lora.rank 8 or 16`."""
    return " and ".join(f"{name} {' or '.join(map(show, values))}" for name, values in when.items())


def find_problems(
    conditions: Mapping[str, Conditions], domains: Mapping[str, Domain], declared: Collection[str]
) -> list[Problem]:
    """What is wrong with the conditions of each name.

    `declared` holds also the names whose domain could not be read; nothing is said about those.
    """
    problems = [
        problem
        for name, when in conditions.items()
        for parent, accepted in when.items()
        for problem in _condition_problems(name, parent, accepted, domains, declared)
    ]
    return problems + _cycles(conditions)


def normalised(dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """The same dimensions, with the accepted values spelt as the parents' domains spell them."""
    return {
        name: Dimension(
            dimension.domain,
            {
                parent: tuple(map(dimensions[parent].domain.canonical, accepted))
                for parent, accepted in dimension.when.items()
            },
        )
        for name, dimension in dimensions.items()
    }


def sort_parents_first(dimensions: Mapping[str, Dimension]) -> tuple[str, ...]:
    """The names in their given order, except that nobody comes before what it depends on."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in ordered:
            for parent in dimensions[name].when:
                visit(parent)
            ordered[name] = None

    for name in dimensions:
        visit(name)
    return tuple(ordered)


def is_active(
    name: str,
    dimensions: Mapping[str, Dimension],
    states: Mapping[str, bool | None],
    params: Mapping[str, Any],
) -> bool | None:
    """Whether `name` is switched on; None where a parent's value is missing or faulty.

    `states` holds the answer for every parent.
    """
    answers = [
        _is_met(dimensions[parent].domain, accepted, states[parent], params, parent)
        for parent, accepted in dimensions[name].when.items()
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _is_met(
    domain: Domain,
    accepted: tuple[Any, ...],
    state: bool | None,
    params: Mapping[str, Any],
    parent: str,
) -> bool | None:
    if not state:
        return state
    if parent not in params or not domain.contains(params[parent]):
        return None
    return domain.canonical(params[parent]) in accepted


def _condition_problems(
    name: str,
    parent: str,
    accepted: tuple[Any, ...],
    domains: Mapping[str, Domain],
    declared: Collection[str],
) -> list[Problem]:
    if parent not in declared:
        remedy = did_you_mean(parent, [other for other in declared if other != name])
        return [Problem(name, f"when names {show(parent)}, which is not in the space", remedy)]
    if parent not in domains:
        return []
    domain = domains[parent]
    if domain.cardinality is None:
        message = f"when asks for exact values of {parent}, which is continuous ({domain})"
        return [Problem(name, message, f"give {parent} a step, or use choice")]
    return [
        Problem(name, f"when waits for {parent} {show(value)}, which is not in {domain}")
        for value in accepted
        if not domain.contains(value)
    ]


def _cycles(conditions: Mapping[str, Conditions]) -> list[Problem]:
    graph = {name: set(when) for name, when in conditions.items()}
    problems = []
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            path = error.args[1]
            message = f"conditions go round in a circle: {' -> '.join(path)}"
            problems.append(Problem(path[0], message, "take one of them out"))
            graph[path[0]] = set()
        else:
            return problems

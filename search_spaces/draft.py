"""A partially read space, and conflicts between its names."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from search_spaces.dimension import Branch, Conditions, describe, overlap, spelt
from search_spaces.domains import Domain
from search_spaces.problem import Problem, did_you_mean
from search_spaces.values import show

_Part = TypeVar("_Part")

_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """One branch and its place in the file; None means unreadable."""

    place: str
    domain: Domain | None
    when: Conditions | None

    def finished(self) -> Branch:
        """The branch of a readable draft."""
        assert self.domain is not None and self.when is not None
        return Branch(self.domain, self.when)


Drafts = Mapping[str, Sequence[Draft]]
"""The branches of each name; none for a name that must not be searched."""


def placed(name: str, parts: Sequence[_Part]) -> list[tuple[str, _Part]]:
    """Each part of an entry with its place: `rank` for a single part, else `rank[1]`, ..."""
    if len(parts) == 1:
        return [(name, parts[0])]
    return [(f"{name}[{number}]", part) for number, part in enumerate(parts, 1)]


def find_problems(drafts: Drafts) -> list[Problem]:
    """Problems of the conditions, except those that depend on unreadable parts."""
    problems = [
        Problem(name, "is not a valid name", "use letters, digits, '.', '_' and '-'")
        for name in drafts
        if not _NAME.fullmatch(name)
    ]
    for name, entries in drafts.items():
        for entry in entries:
            for parent, accepted in (entry.when or {}).items():
                problems += _condition_problems(name, entry.place, parent, accepted, drafts)
    for name, entries in drafts.items():
        problems += _overlaps(name, entries, drafts)
    return problems + _cycles(drafts)


def _condition_problems(
    name: str, place: str, parent: str, accepted: tuple[object, ...], drafts: Drafts
) -> list[Problem]:
    if parent not in drafts:
        remedy = did_you_mean(parent, [other for other in drafts if other != name])
        return [Problem(place, f"when names {show(parent)}, which is not in the space", remedy)]
    domains = _domains(parent, drafts)
    if not domains or len(domains) < len(drafts[parent]):
        return []
    for domain in domains:
        if domain.cardinality is None:
            message = f"when needs exact values of {parent}, which is continuous ({domain})"
            return [Problem(place, message, f"give {parent} a step, or use choice")]
    known = " or ".join(map(str, domains))
    return [
        Problem(place, f"when requires {parent} {show(value)}, which is not in {known}")
        for value in accepted
        if not any(domain.contains(value) for domain in domains)
    ]


def _domains(name: str, drafts: Drafts) -> list[Domain]:
    return [entry.domain for entry in drafts.get(name, ()) if entry.domain is not None]


def _overlaps(name: str, entries: Sequence[Draft], drafts: Drafts) -> Iterable[Problem]:
    """A problem for each two branches that could hold at once."""
    for (first, one), (second, other) in combinations(enumerate(entries, 1), 2):
        if one.when is None or other.when is None:
            continue
        both = overlap(_spelt(one.when, drafts), _spelt(other.when, drafts))
        if both is not None:
            where = f"with {describe(both)}" if both else "always"
            yield Problem(
                name,
                f"entries {first} and {second} overlap: both hold {where}",
                "give each of them a when on the same name, with different values",
            )


def _spelt(when: Conditions, drafts: Drafts) -> Conditions:
    return {name: spelt(accepted, _domains(name, drafts)) for name, accepted in when.items()}


def _cycles(drafts: Drafts) -> list[Problem]:
    graph = {
        name: {parent for entry in entries for parent in entry.when or ()}
        for name, entries in drafts.items()
    }
    problems = []
    while True:
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            path = error.args[1]
            message = f"conditions form a cycle: {' -> '.join(path)}"
            problems.append(Problem(path[0], message, "remove one of them"))
            graph[path[0]] = set()
        else:
            return problems

"""The domain of a name, or several chosen by the values of other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from search_spaces.domains import Domain
from search_spaces.values import Value, identity, show

Conditions = Mapping[str, tuple[object, ...]]
"""Name -> accepted values; every name must have one of them."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A domain, and the conditions under which it holds; without any it always does."""

    domain: Domain
    when: Conditions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dimension:
    """The branches of one name. At most one holds at a time; if none does, the name is inactive.

    Most names have a single branch.
    """

    branches: tuple[Branch, ...]

    @property
    def domain(self) -> Domain:
        """The domain of a name with a single branch; ValueError if there are several."""
        (branch,) = self.branches
        return branch.domain

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domain of each branch."""
        return tuple(branch.domain for branch in self.branches)

    @property
    def parents(self) -> tuple[str, ...]:
        """The names on which any branch depends."""
        return tuple(dict.fromkeys(name for branch in self.branches for name in branch.when))


def describe(when: Conditions) -> str:
    """The conditions in words: `schedule wsd and lora.rank 8 or 16`."""
    return " and ".join(f"{name} {' or '.join(map(show, values))}" for name, values in when.items())


def spelt(accepted: Iterable[object], domains: Iterable[Domain]) -> tuple[Value, ...]:
    """The distinct values of `accepted` in the spelling of `domains`; others are left out."""
    known = tuple(domains)
    spellings = [
        domain.canonical(value) for value in accepted for domain in known if domain.contains(value)
    ]
    return tuple({identity(value): value for value in spellings}.values())


def overlap(one: Conditions, other: Conditions) -> Conditions | None:
    """The conditions under which both hold; None if a shared name excludes that.

    Both must use the spelling of the names' domains. A name has one value at a time, so None is
    certain; conditions on different names are assumed to be compatible.
    """
    both = {**one, **other}
    for name in one:
        if name in other:
            theirs = set(map(identity, other[name]))
            both[name] = tuple(value for value in one[name] if identity(value) in theirs)
    return both if all(both.values()) else None

"""A user's mistake: place, problem and way out. All packages use this for mistakes.

ValueError
├── UnplacedError      one mistake, with unknown place
│   └── DomainError    the same, about a domain or a value of a space
└── SpaceError         all mistakes of a space, each with its place
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `place` is the dotted name concerned; `remedy` is the way out."""

    place: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return "; ".join(part for part in (f"{self.place}: {self.message}", self.remedy) if part)

    def under(self, place: str) -> Problem:
        """The same mistake, with its place inside another one."""
        inner = f"{place}.{self.place}" if self.place else place
        return replace(self, place=inner)


class UnplacedError(ValueError):
    """One mistake in a value; `at` makes it a Problem, with the place."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return "; ".join(part for part in (self.message, self.remedy) if part)

    def at(self, place: str) -> Problem:
        """The same mistake with its place."""
        return Problem(place, self.message, self.remedy)


class DomainError(UnplacedError):
    """One mistake in a domain, or in a value of one."""


class SpaceError(ValueError):
    """All problems at once; one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


@contextmanager
def noting(problems: list[Problem], place: str) -> Iterator[None]:
    """Add the block's DomainError to `problems`, and continue after the block."""
    try:
        yield
    except DomainError as error:
        problems.append(error.at(place))


def nearest(word: str, known: Collection[str], least: float = 0.6) -> str | None:
    """The known word that `word` was probably meant to be; `least` is the likeness asked for."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=least)
    return found[0] if found else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A remedy for an unknown word: the nearest known one, else all of them."""
    near = nearest(word, known)
    if near:
        return f"did you mean {near}?"
    return f"known: {', '.join(known)}" if known else ""

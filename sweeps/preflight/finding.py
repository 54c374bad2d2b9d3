"""A finding of a check: of `sweep doctor`, or before a sweep's first trial. Light imports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from search_spaces.problem import Problem


class Level(StrEnum):
    """Severity: nothing to do, worth knowing, or to be fixed before a sweep."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check; `remedy` is the way out."""

    check: str
    level: Level
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return "; ".join(part for part in (self.message, self.remedy) if part)

    def json(self) -> dict[str, str]:
        """The finding as JSON, for scripts."""
        return asdict(self)


def ok(check: str, message: str) -> Finding:
    """A finding with nothing to do."""
    return Finding(check, Level.OK, message)


def note(check: str, message: str, remedy: str = "") -> Finding:
    """A finding worth knowing that blocks nothing."""
    return Finding(check, Level.NOTE, message, remedy)


def wrong(check: str, message: str, remedy: str = "") -> Finding:
    """A finding that would make a sweep fail, cost too much or expose data."""
    return Finding(check, Level.WRONG, message, remedy)


def from_problem(check: str, problem: Problem) -> Finding:
    """A mistake in a file."""
    return wrong(check, f"{problem.place}: {problem.message}", problem.remedy)

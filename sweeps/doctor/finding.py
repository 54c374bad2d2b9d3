"""What one check of `sweep doctor` found. Light."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from search_spaces.problem import Problem


class Level(StrEnum):
    """How bad it is: nothing to do, worth knowing, or to be mended before a sweep."""

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
        """For scripts."""
        return asdict(self)


def ok(check: str, message: str) -> Finding:
    """A check that found nothing to do."""
    return Finding(check, Level.OK, message)


def note(check: str, message: str, remedy: str = "") -> Finding:
    """What is worth knowing, and stops nothing."""
    return Finding(check, Level.NOTE, message, remedy)


def wrong(check: str, message: str, remedy: str = "") -> Finding:
    """What would make a sweep fail, or cost or expose what it should not."""
    return Finding(check, Level.WRONG, message, remedy)


def from_problem(check: str, problem: Problem) -> Finding:
    """A mistake in a file."""
    return wrong(check, f"{problem.place}: {problem.message}", problem.remedy)

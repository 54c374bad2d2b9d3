"""All advice on a sweep."""

from __future__ import annotations

from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.results import Results
from trainables.core.discovery import found_in

ADVISERS = found_in("sweeps.advice.kinds", Adviser)  # type: ignore[type-abstract]


def advise(results: Results) -> list[Advice]:
    """What the records suggest for the next sweep; nothing without a spec or a complete trial."""
    if results.spec is None or not results.complete():
        return []
    return [advice for adviser in ADVISERS.values() for advice in adviser.look(results)]

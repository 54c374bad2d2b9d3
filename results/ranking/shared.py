"""What branches saved: the first steps of trials that begin alike, trained once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from results.records.record import TrialRecord


@dataclass(frozen=True)
class Shared:
    """Seconds, tokens and optimizer steps that so many `trials` took over from others."""

    seconds: float = 0.0
    tokens: int = 0
    steps: int = 0
    trials: int = 0


def shared_by_branches(trials: Iterable[TrialRecord]) -> Shared:
    """Of the trials that began where another one was."""
    found = [trial.branch for trial in trials if trial.branch and trial.branch.steps]
    return Shared(
        sum(branch.seconds for branch in found),
        sum(branch.tokens for branch in found),
        sum(branch.steps for branch in found),
        len(found),
    )

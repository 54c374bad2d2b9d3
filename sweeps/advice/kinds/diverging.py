"""A range of learning rates in which trials diverge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from results.records.record import TrialStatus
from search_spaces.domains import Float
from search_spaces.values import as_float
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import branch_of, entry
from sweeps.verdict.results import Results

_RATE = "learning_rate"
_FEWEST = 2
"""Number of diverged trials that make a region."""

_MOSTLY = 0.8
"""Share of the trials in the region that diverged."""


class Diverging(Adviser):
    """Above the lowest learning rate of a diverged trial, most trials diverged."""

    name: ClassVar[str] = "diverging"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one, and only if the winner's learning rate is below the region."""
        branch = branch_of(results, _RATE)
        if branch is None or not isinstance(branch.domain, Float) or not results.ranking.winners:
            return
        rates = [(as_float(r.params.get(_RATE)), r.status) for r in results.trials]
        known = [(rate, status) for rate, status in rates if rate is not None and status.ended]
        diverged = [rate for rate, status in known if status is TrialStatus.DIVERGED]
        if len(diverged) < _FEWEST:
            return
        bound = min(diverged)
        above = [status for rate, status in known if rate >= bound]
        best = [as_float(winner.record.params.get(_RATE)) for winner in results.ranking.chosen]
        if len(diverged) < _MOSTLY * len(above) or any(rate and rate >= bound for rate in best):
            return
        high = float(f"{bound:.2g}")
        yield Advice(
            "High learning rates diverge",
            f"{len(diverged)} of {len(above)} trials from {bound:.3g} on diverged, and none below; "
            f"the range ends at {branch.domain.high:g}.",
            {f"space.{_RATE}": entry(branch, replace(branch.domain, high=high))},
        )


KIND = Diverging()

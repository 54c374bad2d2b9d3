"""Too few trials for the number of searched parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from results.records.record import SweepState, TrialStatus
from search_spaces.problem import SpaceError
from search_spaces.space import Space
from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.results import Results

_EACH = 10
"""Trials for each searched parameter (Loeppky, Sacks and Welch 2009, "Choosing the Sample Size of a
Computer Experiment")."""


class TooFewTrials(Adviser):
    """Fewer than ten measured trials for each parameter, unless all combinations were tried."""

    name: ClassVar[str] = "too_few_trials"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        if results.spec is None or results.sweep.state is not SweepState.COMPLETE:
            return  # a resume would train the others
        if results.sweep.budget_trials is None or results.sweep.reached:
            return  # a cap ended it, which says how much more it may cost
        space = results.spec.space
        usable = (TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.DIVERGED)
        tried = sum(record.status in usable for record in results.trials)
        wanted = min(_EACH * len(space), _points(space))
        if tried >= wanted:
            return
        yield Advice(
            "Few trials for this space",
            f"Trials: {tried}, searched parameters: {len(space)}; a usual number is {_EACH} trials "
            f"for each parameter, here {wanted}.",
            {"budget.trials": max(wanted, results.spec.trials + 1)},
        )


def _points(space: Space) -> int:
    """The number of combinations; for an infinite space, the usual number of trials."""
    if any(domain.cardinality is None for each in space.values() for domain in each.domains):
        return _EACH * len(space)
    try:
        return len(space.grid())
    except SpaceError:
        return _EACH * len(space)


KIND = TooFewTrials()

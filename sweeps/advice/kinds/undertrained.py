"""The best trials were still improving when their budget ended."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from results.records.record import TrialRecord
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import MOST, top
from sweeps.verdict.results import Results

_GAIN = 0.1
"""Share of a trial's improvement that its last evaluation must bring."""


class Undertrained(Adviser):
    """The winner and most of the best five had a tenth of their improvement at the very end."""

    name: ClassVar[str] = "undertrained"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        best = top(results)
        if not best or results.spec is None:
            return
        gains = [_last_gain(results, record) for record in best]
        if gains[0] < _GAIN or sum(gain >= _GAIN for gain in gains) < MOST:
            return
        budget = results.spec.trial.budget
        given = {"epochs": budget.epochs, "steps": budget.steps, "tokens": budget.tokens}
        name, length = next((name, length) for name, length in given.items() if length)
        yield Advice(
            "The best trials were still improving at their end",
            f"{gains[0]:.0%} of the winner's improvement since its first evaluation came with its "
            f"last one, and at least {_GAIN:.0%} in {sum(g >= _GAIN for g in gains)} of the best "
            f"{len(best)}. A part of that is the schedule's decay.",
            {f"budget.{name}": 2 * length},
        )


def _last_gain(results: Results, record: TrialRecord) -> float:
    """The share of its improvement between the last two evaluations; 0 if it did not improve."""
    sign = 1 if results.mode == "min" else -1
    values = [sign * each.compared.get(results.metric, math.nan) for each in record.measurements]
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 3 or finite[0] <= finite[-1]:
        return 0.0
    return (finite[-2] - finite[-1]) / (finite[0] - finite[-1])


KIND = Undertrained()

"""The best evaluations came early, and the metric grew worse afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from results.records.record import TrialRecord
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import top
from sweeps.verdict.results import Results

_EARLY = 0.75
"""Share of the budget up to which a best evaluation counts as early."""

_MOST = 3
"""Number of the best trials whose best evaluation must be early."""


class Overfits(Adviser):
    """The winner and at least three of the best five had their best evaluation early."""

    name: ClassVar[str] = "overfits"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        best = top(results)
        if not best or results.spec is None:
            return
        shares = [_share(results, record) for record in best]
        early = [share for share in shares if share <= _EARLY]
        if shares[0] > _EARLY or len(early) < _MOST:
            return
        winner = best[0]
        best_value = results.value(winner)
        final = winner.measurements[-1].compared.get(results.metric, math.nan)
        yield Advice(
            "The best evaluations came early",
            f"{len(early)} of the best {len(best)} were best at or before {max(early):.0%} of "
            f"their budget; the winner was at {best_value:.4f} after {shares[0]:.0%} and ended at "
            f"{final:.4f}. A shorter training does the same; more weight decay or dropout may "
            "do better.",
            _shorter(results, max(early)),
        )


def _share(results: Results, record: TrialRecord) -> float:
    """The share of its training after which the trial was at its best."""
    best = record.best(results.metric, results.mode)
    assert best is not None, "a ranked trial has a best evaluation"
    return best.point / record.measurements[-1].point


def _shorter(results: Results, share: float) -> dict[str, object]:
    """A budget that ends at that share."""
    assert results.spec is not None, "without a spec nothing is advised"
    budget = results.spec.trial.budget
    if budget.epochs is not None:
        return {"budget.epochs": float(f"{budget.epochs * share:.3g}")}
    name, length = ("steps", budget.steps) if budget.steps else ("tokens", budget.tokens)
    return {f"budget.{name}": max(1, round((length or 1) * share))}


KIND = Overfits()

"""Early stopping compared trials while their curves were still crossing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

from results.records.record import TrialRecord, TrialStatus
from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.results import Results
from sweeps.verdict.rungs import rungs

_FEWEST = 8
"""Number of complete trials below which a rank correlation says little."""

_TELLING = 0.7
"""Rank correlation with the end from which an evaluation point is a fair place to compare."""


class Crossing(Adviser):
    """The order of the complete trials at the first rung differs from their order at the end."""

    name: ClassVar[str] = "crossing"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one, and only if trials were stopped."""
        stopped = sum(record.status is TrialStatus.PRUNED for record in results.trials)
        complete, points = results.complete(), rungs(results)
        if results.spec is None or not stopped or not points or len(complete) < _FEWEST:
            return
        agreement = _agreement(results, complete, points[0])
        if agreement is None or agreement >= _TELLING:
            return
        last = results.spec.trial.budget.evaluations
        later = next(
            (p for p in range(points[0] + 1, last)
             if (found := _agreement(results, complete, p)) is not None and found >= _TELLING),
            None,
        )  # fmt: skip
        given = results.spec.search.early_stopping_options
        changes: dict[str, object] = {"search.early_stopping": "none"}
        if later:
            changes = {"search.early_stopping_options": {**given, "grace_period": later}}
        elif given:
            changes["search.early_stopping_options"] = {}
        yield Advice(
            "Early stopping compared trials while their curves still crossed",
            f"The order of the {len(complete)} complete trials at point {points[0]} of {last} "
            f"agrees with their final order only to {agreement:.2f} (rank correlation), and "
            f"{stopped} trials were stopped by such comparisons. Only survivors can be compared, "
            "whose order is harder to tell than that of all.",
            changes,
        )


def _agreement(results: Results, records: Sequence[TrialRecord], point: int) -> float | None:
    """Rank correlation of the values at a point with those at the end; None if unknown."""
    from scipy import stats

    pairs = []
    for record in records:
        at = {
            each.point: each.compared.get(results.metric, math.nan) for each in record.measurements
        }
        last = record.measurements[-1].compared.get(results.metric, math.nan)
        if math.isfinite(at.get(point, math.nan)) and math.isfinite(last):
            pairs.append((at[point], last))
    if len(pairs) < _FEWEST or any(len(set(values)) < 2 for values in zip(*pairs, strict=True)):
        return None
    return float(stats.spearmanr(*zip(*pairs, strict=True)).statistic)


KIND = Crossing()

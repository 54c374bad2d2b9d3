"""Two parameters that moved together, so that their effects cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import ClassVar

import numpy as np

from results.records.record import TrialRecord
from search_spaces.values import as_float
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import ENOUGH, searched
from sweeps.verdict.results import Results

_STRONG = 0.8
"""Strength of association, 0 .. 1, from which two parameters count as confounded."""


class Confounded(Adviser):
    """Numbers by their rank correlation, others by Cramér's V, over the trials that have both."""

    name: ClassVar[str] = "confounded"

    def look(self, results: Results) -> Iterator[Advice]:
        """One for each pair."""
        for one, other in combinations(searched(results), 2):
            both = [r for r in results.trials if one in r.params and other in r.params]
            strength, measure = _association(both, one, other)
            if len(both) < ENOUGH or strength < _STRONG:
                continue
            yield Advice(
                f"{one} and {other} moved together",
                f"In {len(both)} trials their {measure} is {strength:.2f}: which of the two made a "
                "difference cannot be told. Random draws keep them apart.",
                {"search.sampler": "random", **_without_options(results)},
            )


def _without_options(results: Results) -> dict[str, object]:
    """Options of another sampler must go with it."""
    given = results.spec.search.sampler_options if results.spec else {}
    return {"search.sampler_options": {}} if given else {}


def _association(records: Sequence[TrialRecord], one: str, other: str) -> tuple[float, str]:
    first, second = ([record.params[name] for record in records] for name in (one, other))
    numbers = [[as_float(value) for value in values] for values in (first, second)]
    if len(records) < ENOUGH or any(len(set(map(repr, v))) < 2 for v in (first, second)):
        return 0.0, ""
    from scipy import stats  # takes a second to import, and many a sweep has too few trials

    if all(value is not None for values in numbers for value in values):
        return abs(float(stats.spearmanr(*numbers).statistic)), "rank correlation"
    return _cramers_v(_classes(first), _classes(second)), "association (Cramér's V)"


def _classes(values: Sequence[object]) -> list[str]:
    """Categories as they are; numbers with many values in thirds."""
    numbers = [as_float(value) for value in values]
    if len(set(map(repr, values))) <= 6 or any(number is None for number in numbers):
        return list(map(repr, values))
    known = np.array(numbers, dtype=float)
    return [str(third) for third in np.digitize(known, np.quantile(known, (1 / 3, 2 / 3)))]


def _cramers_v(one: Sequence[str], other: Sequence[str]) -> float:
    """Corrected for its bias with few trials (Bergsma 2013)."""
    from scipy import stats

    table = np.array(
        [
            [sum((a, b) == pair for pair in zip(one, other, strict=True)) for b in sorted({*other})]
            for a in sorted({*one})
        ]
    )
    count, (rows, columns) = len(one), table.shape
    chi2 = float(stats.chi2_contingency(table, correction=False).statistic)
    phi2 = max(0.0, chi2 / count - (rows - 1) * (columns - 1) / (count - 1))
    rows_ = rows - (rows - 1) ** 2 / (count - 1)
    columns_ = columns - (columns - 1) ** 2 / (count - 1)
    least = min(rows_, columns_) - 1
    return float(np.sqrt(phi2 / least)) if least > 0 else 0.0


KIND = Confounded()

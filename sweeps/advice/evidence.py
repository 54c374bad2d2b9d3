"""What several kinds of advice read from the records."""

from __future__ import annotations

import math
from collections.abc import Sequence

from results.records.record import TrialRecord
from search_spaces.dimension import Branch
from search_spaces.domains import Choice, Float, Int
from search_spaces.notation import write_entry
from search_spaces.values import as_float
from sweeps.verdict.results import Results

ENOUGH = 10
"""Number of complete trials below which a pattern among the best is taken for chance."""

TOP = 5
"""Number of best trials that must agree."""

MOST = 4
"""Number of these that make agreement."""


def top(results: Results) -> list[TrialRecord]:
    """The best trials, the winner first; empty with too few complete ones, or with several
    metrics."""
    if results.ranking.several or len(results.ranking.winners) < ENOUGH:
        return []
    ranked = [winner.record for winner in results.ranking.winners]
    first = next(record for record in ranked if record.number in results.chosen)
    return [first, *(record for record in ranked if record is not first)][:TOP]


def branch_of(results: Results, name: str) -> Branch | None:
    """The one domain of a searched name; None if it has a range for each of several methods."""
    if results.spec is None or name not in results.spec.space:
        return None
    branches = results.spec.space[name].branches
    return branches[0] if len(branches) == 1 else None


def searched(results: Results) -> Sequence[str]:
    """The searched names."""
    return results.spec.space.names if results.spec is not None else ()


def position(domain: Float | Int, value: object) -> float:
    """Where a value is between the bounds, 0 .. 1, in the sampler's units."""
    number = as_float(value)
    assert number is not None, "the value of a range is a number"
    low, high, at = (math.log(x) if domain.log else x for x in (domain.low, domain.high, number))
    return (at - low) / (high - low) if high > low else 0.5


def numbers_of(domain: Choice) -> list[int | float]:
    """The options by size, if all are numbers and there are at least three; else nothing."""
    numbers = [each for each in domain.options if isinstance(each, int | float)]
    numeric = len(numbers) == len(domain.options) >= 3
    return sorted(numbers) if numeric and not any(isinstance(n, bool) for n in numbers) else []


def entry(branch: Branch, domain: Float | Int | Choice) -> dict[str, object]:
    """The YAML of the branch with another domain."""
    return write_entry(domain, branch.when)

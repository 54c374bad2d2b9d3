"""The winner has the largest rank that was allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from search_spaces.dimension import Branch
from search_spaces.domains import Choice, Float, Int
from search_spaces.values import show
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import branch_of, entry, numbers_of, searched, top
from sweeps.verdict.results import Results

GROWING = (
    "lora.rank",
    "adapter.size",
    "freeze.last_blocks",
    "prefix.virtual_tokens",
    "prompt.virtual_tokens",
    "ptuning.virtual_tokens",
)
"""Fields of which more is nearly always a little better, at a cost."""

_NEAR = 0.9
"""Share of the largest value from which a value of a range counts as the largest."""


class Largest(Adviser):
    """The winner, and at least three of the best five, at the greatest size."""

    name: ClassVar[str] = "largest"

    def look(self, results: Results) -> Iterator[Advice]:
        """One for each of these fields."""
        for name in GROWING:
            branch = branch_of(results, name) if name in searched(results) else None
            best = [record for record in top(results) if name in record.params]
            if branch is None or not best:
                continue
            largest = _largest(branch)
            values = [record.params[name] for record in best]
            at_it = [isinstance(v, int | float) and v >= _NEAR * largest for v in values]
            if largest <= 0 or not at_it[0] or sum(at_it) < 3:
                continue
            evidence = (
                f"The winner has {show(values[0])} of at most {show(largest)}, like {sum(at_it)} "
                f"of the best {len(best)}: more may still be better, and costs more."
            )
            changes = {f"space.{name}": entry(branch, _doubled(branch, largest))}
            yield Advice(f"The winner has the largest {name}", evidence, changes)


def _largest(branch: Branch) -> float:
    if isinstance(branch.domain, Choice):
        return max(numbers_of(branch.domain), default=0)
    return branch.domain.high


def _doubled(branch: Branch, largest: float) -> Float | Int | Choice:
    match branch.domain:
        case Choice(options=options):
            return Choice((*options, 2 * largest))
        case Int():
            return replace(branch.domain, high=2 * int(largest))
        case Float():
            return replace(branch.domain, high=2 * largest)


KIND = Largest()

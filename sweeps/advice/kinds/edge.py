"""The best values lie at the edge of a range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from results.records.record import TrialRecord
from search_spaces.dimension import Branch
from search_spaces.domains import Choice, Float, Int
from search_spaces.problem import DomainError
from search_spaces.values import show
from sweeps.advice.advice import Advice, Adviser
from sweeps.advice.evidence import MOST, branch_of, entry, numbers_of, position, searched, top
from sweeps.advice.kinds.largest import GROWING
from sweeps.display.parameters import show_value
from sweeps.verdict.results import Results

_NEAR = 0.1
"""Distance of the winner from the edge, as a share of the range in the sampler's units."""

_AROUND = 0.25
"""Distance of most of the best trials."""

_WIDER = 0.5
"""Widening of the range, as a share of it."""


class Edge(Adviser):
    """The winner within a tenth of the range from its edge, and most of the best trials near."""

    name: ClassVar[str] = "edge"

    def look(self, results: Results) -> Iterator[Advice]:
        """One for each range or list of numbers whose best values are at an end."""
        for name in searched(results):
            best = [record for record in top(results) if name in record.params]
            branch = branch_of(results, name)
            if branch is None or len(best) < MOST or name in GROWING:
                continue
            if isinstance(branch.domain, Choice):
                yield from _at_an_option(name, branch, branch.domain, best)
            else:
                yield from _at_a_bound(name, branch, branch.domain, best)


def _at_a_bound(
    name: str, branch: Branch, domain: Float | Int, best: list[TrialRecord]
) -> Iterator[Advice]:
    places = [position(domain, record.params[name]) for record in best]
    for end, word in ((0.0, "lower"), (1.0, "upper")):
        away = [abs(place - end) for place in places]
        if away[0] <= _NEAR and sum(each <= _AROUND for each in away) >= MOST:
            units = "the range in orders of magnitude" if domain.log else "the range"
            bound = domain.high if end else domain.low
            evidence = (
                f"The winner's {show_value(best[0].params[name])} is {away[0]:.0%} of {units} from "
                f"the {word} bound {show_value(bound)}, and {sum(a <= _AROUND for a in away)} of "
                f"the best {len(best)} are within {_AROUND:.0%}."
            )
            if wider := _wider(domain, end):
                changes = {f"space.{name}": entry(branch, wider)}
                yield Advice(f"The best {name} is at the edge of its range", evidence, changes)


def _wider(domain: Float | Int, end: float) -> Float | Int | None:
    """The range with more room at one end; None if it has none, as beyond zero."""
    try:
        if domain.log:
            factor = (domain.high / domain.low) ** _WIDER
            low, high = domain.low / factor, domain.high * factor
        else:
            room = (domain.high - domain.low) * _WIDER
            low, high = domain.low - room, domain.high + room
        if isinstance(domain, Int):
            steps = domain.step
            high = domain.high + max(1, round((high - domain.high) / steps)) * steps
            low = max(1, domain.low - max(1, round((domain.low - low) / steps)) * steps)
            return replace(domain, high=high) if end else replace(domain, low=low)
        if domain.step is not None:
            count = max(1, round((high - domain.high) / domain.step))
            high, low = domain.high + count * domain.step, domain.low - count * domain.step
        bound = float(f"{high if end else low:.2g}")
        return replace(domain, high=bound) if end else replace(domain, low=bound)
    except DomainError:
        return None


def _at_an_option(
    name: str, branch: Branch, domain: Choice, best: list[TrialRecord]
) -> Iterator[Advice]:
    options = numbers_of(domain)
    for end, beyond in ((0, -1), (-1, 1)) if options else ():
        extreme = options[end]
        agreeing = sum(record.params[name] == extreme for record in best)
        if best[0].params[name] != extreme or agreeing < MOST:
            continue
        further = _next_option(options, beyond)
        if further is None:
            continue
        longer = Choice(tuple([further, *options] if beyond < 0 else [*options, further]))
        word = "smallest" if beyond < 0 else "largest"
        evidence = f"{agreeing} of the best {len(best)} have {show(extreme)}, the {word} option."
        changes = {f"space.{name}": entry(branch, longer)}
        yield Advice(f"The best {name} is the {word} option", evidence, changes)


def _next_option(options: list[int | float], beyond: int) -> int | float | None:
    """The number after the last one, at the same ratio; None if it is not a new one."""
    last, before = (options[0], options[1]) if beyond < 0 else (options[-1], options[-2])
    if before <= 0 or last <= 0:
        return None
    further = last * last / before
    if all(isinstance(each, int) for each in options):
        return round(further) if round(further) >= 1 and round(further) != last else None
    return float(f"{further:.3g}")


KIND = Edge()

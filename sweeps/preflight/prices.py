"""The node types in `slots.prices` against those that are there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from search_spaces.problem import Problem, did_you_mean
from sweeps.preflight.finding import Finding, note


def check_prices(prices: Mapping[str, float], kinds: Collection[str]) -> Iterator[Finding]:
    """Notes on types of nodes without a price, if others have one, and on prices of types that no
    node has: it may come later. `kinds` may hold an empty name, for nodes of a type unknown to
    Ray."""
    for problem in unknown_types(prices, sorted(filter(None, kinds)), "no node there"):
        yield note("prices", f"{problem.place}: {problem.message}", problem.remedy)
    without = sorted({*kinds} - {*prices})
    if not prices or not without:
        return
    named = ", ".join(kind or "nodes of a type unknown to Ray" for kind in without)
    dearest = max(prices.values())
    message = (
        f"slots.prices has no price for {named}, only for {', '.join(sorted(prices))}; their hours "
        f"count at the highest price, {dearest:g} an hour, under budget.cost"
    )
    yield note("prices", message, "add them to slots.prices")


def unknown_types(
    prices: Mapping[str, float], known: Collection[str], nobody: str, place: str = "slots.prices"
) -> Iterator[Problem]:
    """Prices of types that are not among the known ones; `nobody` has them. Nothing where none are
    known, as on a cluster without a launcher."""
    for kind in prices if known else ():
        if kind not in known:
            message = f"{kind} is a node type that {nobody} has"
            yield Problem(place, message, did_you_mean(kind, known))

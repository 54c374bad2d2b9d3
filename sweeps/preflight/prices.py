"""The node types in `slots.prices` against those that are there. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sweeps.preflight.finding import Finding, note


def check_prices(prices: Mapping[str, float], kinds: Collection[str]) -> Iterator[Finding]:
    """A note on types of nodes without a price, if others have one. `kinds` may hold an empty
    name, for nodes of a type unknown to Ray."""
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

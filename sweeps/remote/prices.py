"""Hourly prices of nodes, from the command line and the comments of a cluster file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from sweeps.base.errors import SweepError


def given(words: Iterable[str], cluster: Path | None) -> dict[str, float]:
    """Node type -> dollars an hour, from `worker=1.006` words on top of a cluster file's."""
    asked = dict(map(_price, words))
    refuse_unknown(asked, cluster, "--price")
    return {**of_file(cluster), **asked}


def refuse_unknown(
    prices: Mapping[str, float], cluster: Path | None, place: str = "slots.prices"
) -> None:
    """SweepError if a price is of a node type that a cluster file does not have."""
    if not prices or cluster is None or not cluster.is_file():
        return  # reported when connecting
    from sweeps.preflight.prices import unknown_types
    from sweeps.remote.cluster_file import ClusterFile

    known = ClusterFile.load(cluster).node_types
    for problem in unknown_types(prices, known, f"nothing in {cluster}", place):
        raise SweepError(str(problem))


def of_file(cluster: Path | None) -> dict[str, float]:
    """Prices in the comments `# price: 1.006` of a cluster file; empty without a file."""
    if cluster is None or not cluster.is_file():
        return {}  # reported when connecting
    from sweeps.remote.cluster_file import ClusterFile

    return ClusterFile.load(cluster).prices


def as_options(prices: Mapping[str, float]) -> list[str]:
    """The command line options for these prices."""
    return [word for kind, price in prices.items() for word in ("--price", f"{kind}={price}")]


def _price(word: str) -> tuple[str, float]:
    kind, _, dollars = word.rpartition("=")
    try:
        price = float(dollars)
    except ValueError:
        price = math.nan
    if not kind or not 0 <= price < math.inf:
        raise SweepError(f"--price: must be TYPE=DOLLARS, e.g. worker=1.006, got {word!r}")
    return kind, price

"""How well a trunk's loss at a rung orders trunks, as it is, or after a short decay.

A trunk is worth the best end of all its branches. The same tokens may go into training on without a
decay, so that is compared, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.forks.curves import POINTS, RUNGS, SHARES

COLUMNS = (
    "rung",
    "judged by",
    "rank correlation",
    "in the better half",
    "best third of 9 kept: lost, nats / 1,000",
    "best one of 9 kept",
)

_DRAWS, _DRAWN, _KEPT = 4000, 9, (3, 1)

Floats = NDArray[np.float64]


def rows(trunks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """One for each rung and each way to judge there."""
    worth = np.array([_worth(each) for each in trunks])
    for rung in RUNGS:
        at = f"{rung} of {POINTS}"
        yield at, "its loss there", *_figures(_later(trunks, rung, 0.0), worth)
        for share in SHARES:
            more = f"{share:.0%} of the budget"
            yield at, f"its loss {more} later", *_figures(_later(trunks, rung, share), worth)
            yield at, f"a decay over {more}", *_figures(_decayed(trunks, rung, share), worth)


def _figures(judged: Floats, worth: Floats) -> tuple[str, ...]:
    better = worth <= np.median(worth)
    rng, lost = np.random.default_rng(0), []
    for _ in range(_DRAWS):
        drawn = rng.permutation(len(worth))[:_DRAWN]
        best_first = drawn[np.argsort(judged[drawn], kind="stable")]
        lost.append([worth[best_first[:kept]].min() - worth[drawn].min() for kept in _KEPT])
    whole = spearmanr(judged, worth).statistic
    half = spearmanr(judged[better], worth[better]).statistic
    thousandths = (f"{1000 * each:.1f}" for each in np.mean(lost, axis=0))
    return f"{whole:.2f}", f"{half:.2f}", *thousandths


def _worth(trunk: Mapping[str, Any]) -> float:
    losses = [min(each["curve"].values(), default=np.inf) for each in trunk["decays"]]
    return float(min(losses))


def _later(trunks: Sequence[Mapping[str, Any]], rung: int, share: float) -> Floats:
    """Losses at a rung, or so much of the budget later, on a straight line between two points."""
    at = rung + share * POINTS
    found = []
    for trunk in trunks:
        curve = {int(point): loss for point, loss in trunk["curve"].items()}
        whole = len(curve) == POINTS
        found.append(float(np.interp(at, [*curve], [*curve.values()])) if whole else np.inf)
    return np.array(found)


def _decayed(trunks: Sequence[Mapping[str, Any]], rung: int, share: float) -> Floats:
    wanted = {"rung": rung, "share": share}
    losses = [
        next(each["loss"] for each in trunk["rungs"] if wanted.items() <= each.items())
        for trunk in trunks
    ]
    return np.array([np.inf if each is None else each for each in losses])

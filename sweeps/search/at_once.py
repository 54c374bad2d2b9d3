"""What a trial is worth to a search that has others under way when it suggests it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweeps.samplers.sampler import Sampler

_NEEDED: Mapping[int, int] = {1: 15, 2: 15, 4: 17, 8: 22, 16: 27, 32: 31}
"""Trials at once -> trials that TPE needs to come within 0.05 of the toy landscape's optimum, the
median of 150 seeds (docs/benchmarks.md); with 32 taken to be as good as random search."""


def worth(sampler: Sampler, at_once: int) -> float:
    """The trials that the sampler needs one at a time, for each with so many at once.

    1 for samplers that do not learn. Measured for tpe; others are taken to be alike.
    """
    return _NEEDED[1] / _needed(at_once) if sampler.learns else 1.0


def _needed(at_once: int) -> float:
    """By straight lines between what was measured, in the logarithm of the number at once."""
    most = max(_NEEDED)
    if at_once >= most:
        return _NEEDED[most]
    below = 2 ** int(math.log2(at_once))
    share = math.log2(at_once / below)
    return _NEEDED[below] + share * (_NEEDED[2 * below] - _NEEDED[below])


def worths(sampler: Sampler, slots: int, most: int) -> tuple[float, ...]:
    """For 1 to `most` lanes in each of the slots, what a trial is worth against one lane each."""
    one = worth(sampler, slots)
    return tuple(worth(sampler, slots * lanes) / one for lanes in range(1, most + 1))

"""Caps of which nothing is left, and what to raise them to. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from results.records.record import ReachedCap
from results.records.spending import UNITS, shown

_DIGITS = 2
"""Significant digits of a raised cap."""


def used_up(caps: Mapping[str, float], spent: Mapping[str, float]) -> ReachedCap | None:
    """The first cap on what is spent of which nothing is left."""
    for name, unit in UNITS.items():
        if name in caps and spent[name] >= caps[name]:
            why = f"{shown(spent[name])} of {shown(caps[name])} {unit} are spent"
            return ReachedCap(cap=name, why=why)
    return None


def before_the_first_trial(reached: ReachedCap) -> str:
    """Why a sweep ends that has not begun a trial."""
    return (
        f"budget.{reached.cap}: {reached.why}, before the first trial began; preparing the data, "
        "starting Ray and measuring the base model count, so raise it"
    )


def raised(limit: float, spent: float) -> str:
    """A value with which the sweep goes on: twice the cap, or what is spent and as much again."""
    value = 2 * limit
    if spent > limit:
        more = limit + spent
        digits = _DIGITS - 1 - math.floor(math.log10(more))
        value = round(math.ceil(more * 10**digits) / 10**digits, max(0, digits))
    return f"{value:.15g}"

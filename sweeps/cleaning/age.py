"""Ages as users write them: 30d, 12h, 2w."""

from __future__ import annotations

import re

from sweeps.base.errors import SweepError

_SECONDS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def seconds_of(age: str) -> float:
    """The age in seconds; SweepError unless it is a number and a unit."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", age.strip())
    if found is None:
        raise SweepError(f"--older-than: {age!r} is not an age; use hours, days or weeks: 30d")
    return float(found[1]) * _SECONDS[found[2]]

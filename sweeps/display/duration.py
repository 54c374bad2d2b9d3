"""Times as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def so_far(seconds: float, left: float | None) -> str:
    """`20 s so far, about 25 s left`."""
    return f"{duration(seconds)} so far" + (f", about {duration(left)} left" if left else "")


def between(low: float, high: float) -> str:
    """`40 min to 65 min`, or one of them if both read alike."""
    first, last = duration(low), duration(high)
    return first if first == last else f"{first} to {last}"

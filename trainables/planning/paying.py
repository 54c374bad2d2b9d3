"""How much at once makes a device faster: lanes, or the sequences of a micro-batch. Pure."""

from __future__ import annotations

from collections.abc import Callable

ROUNDS = 3
"""Passes with each number, of which the fastest counts."""

_BUSY = 2.0
"""Seconds of a lone pass from which a device is taken to be busy with it."""


def paying(
    seconds: Callable[[int], float],
    most: int,
    gain: float,
    first: int = 1,
    rounds: int = ROUNDS,
    worth: Callable[[int], float] = lambda _: 1.0,
) -> int:
    """The largest number up to which twice as many do `gain` times as much in a second, each by its
    `worth` with so many; `seconds` times a pass. Two numbers are timed in turns, since other work
    on the machine comes and goes."""
    best = min(first, most)
    if seconds(best) > _BUSY:
        return best
    while best < most:
        more = min(2 * best, most)
        seconds(more)  # the first of its shape is slow
        pairs = [(seconds(best), seconds(more)) for _ in range(rounds)]
        few, many = (min(each) for each in zip(*pairs, strict=True))
        if more * worth(more) / many < gain * best * worth(best) / few:
            break
        best = more
    return best

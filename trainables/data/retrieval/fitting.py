"""As many looked-up pieces as a prompt has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Made = Callable[[Sequence[int], Sequence[int]], Sequence[T]]
"""From numbers of prompts, and how many pieces each gets, to the prompts."""


def fitted(
    make: Made[T], wanted: Sequence[int], fits: Callable[[int, T], bool]
) -> tuple[list[T], list[int]]:
    """Each prompt with as many pieces as fit, and their number.

    `wanted` are the most pieces for each prompt; `fits(number, prompt)` tells whether there is
    room for it. More pieces never take less room. Without any, a prompt is made even if there is
    no room.
    """
    everyone = range(len(wanted))
    done = dict(zip(everyone, make(everyone, wanted), strict=True))
    counts, too_many = list(wanted), {}
    for number, prompt in done.items():
        if wanted[number] and not fits(number, prompt):
            too_many[number], counts[number] = wanted[number], 0
    bare = list(too_many)
    done |= zip(bare, make(bare, [0] * len(bare)), strict=True)
    while asked := [n for n in too_many if too_many[n] - counts[n] > 1]:
        tried = [(counts[n] + too_many[n]) // 2 for n in asked]
        for number, count, prompt in zip(asked, tried, make(asked, tried), strict=True):
            if fits(number, prompt):
                counts[number], done[number] = count, prompt
            else:
                too_many[number] = count
    return [done[number] for number in everyone], counts

"""As many looked-up pieces as a prompt has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.library import Piece, enriched

T = TypeVar("T")

Made = Callable[[Sequence[int], Sequence[int]], Sequence[T]]
"""From numbers of prompts, and how many pieces each gets, to the prompts."""


def fitted(
    make: Made[T], wanted: Sequence[int], fits: Callable[[T], bool]
) -> tuple[list[T], list[int]]:
    """Each prompt with as many pieces as fit, and their number.

    `wanted` are the most pieces for each prompt; `fits(prompt)` tells whether there is room
    for it. More pieces never take less room. Without any, a prompt is made even if there is
    no room.
    """
    everyone = range(len(wanted))
    done = dict(zip(everyone, make(everyone, wanted), strict=True))
    counts, too_many = list(wanted), {}
    for number, prompt in done.items():
        if wanted[number] and not fits(prompt):
            too_many[number], counts[number] = wanted[number], 0
    bare = list(too_many)
    done |= zip(bare, make(bare, [0] * len(bare)), strict=True)
    while asked := [n for n in too_many if too_many[n] - counts[n] > 1]:
        tried = [(counts[n] + too_many[n]) // 2 for n in asked]
        for number, count, prompt in zip(asked, tried, make(asked, tried), strict=True):
            if fits(prompt):
                counts[number], done[number] = count, prompt
            else:
                too_many[number] = count
    return [done[number] for number in everyone], counts


def filled(
    chats: Sequence[Conversation],
    pieces: Sequence[Sequence[Piece]],
    layout: str,
    make: Callable[[Sequence[Conversation]], Sequence[T]],
    fits: Callable[[T], bool],
) -> tuple[list[T], list[int]]:
    """What `make` makes of the chats with as many of their pieces as fit, and their number."""

    def made(places: Sequence[int], counts: Sequence[int]) -> Sequence[T]:
        return make(
            [
                enriched(chats[place], pieces[place][:count], layout)
                for place, count in zip(places, counts, strict=True)
            ]
        )

    return fitted(made, list(map(len, pieces)), fits)

"""Texts cut into overlapping passages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from trainables.data.tokens.tokenizer import Tokenizer, encode

_PIECE = re.compile(r"\s*\S+")
_LONG = 16
"""Characters of a stretch without spaces above which it may be cut inside, as in Chinese."""

_SENTENCE = re.compile(r"[.!?。！？…;；:：\n]['\"”’」』)）]*\s*$")


def passages(
    texts: Sequence[str], tokenizer: Tokenizer, most: int, overlap: float
) -> tuple[str, ...]:
    """Each text in passages of at most `most` tokens, of which the next repeats a share of
    `overlap`; one passage if it is short.

    A passage ends with a sentence if one ends in its last third, else with a word.
    """
    found: list[str] = []
    for text in texts:
        pieces = _pieces(text)
        sizes = [len(ids) for ids in encode(tokenizer, pieces)]
        found += (
            passage
            for start, end in _windows(pieces, sizes, most, overlap)
            if (passage := "".join(pieces[start:end]).strip())
        )
    return tuple(dict.fromkeys(found))


def _pieces(text: str) -> list[str]:
    """The words with the space before them; long stretches without spaces by characters."""
    words = _PIECE.findall(text)
    return [part for word in words for part in (word if len(word) > _LONG else (word,))]


def _windows(
    pieces: Sequence[str], sizes: Sequence[int], most: int, overlap: float
) -> Iterator[tuple[int, int]]:
    start, end = 0, 0
    while end < len(pieces):
        reach = _reach(sizes, start, most)
        if reach == end:  # it would be a part of the passage before
            start += 1
            continue
        last_third = start + 2 * (reach - start) // 3
        end = _sentence_end(pieces, max(last_third, end), reach)
        yield start, end
        start = max(start + 1, _back(sizes, start, end, round(overlap * most)))


def _reach(sizes: Sequence[int], start: int, most: int) -> int:
    """The end of the longest stretch of at most `most` tokens; one piece at least."""
    total, end = sizes[start], start + 1
    while end < len(sizes) and total + sizes[end] <= most:
        total += sizes[end]
        end += 1
    return end


def _sentence_end(pieces: Sequence[str], first: int, end: int) -> int:
    """The last end of a sentence after `first`, else `end`; the end of a text is one."""
    if end == len(pieces):
        return end
    for place in range(end, first, -1):
        if _SENTENCE.search(pieces[place - 1]):
            return place
    return end


def _back(sizes: Sequence[int], start: int, end: int, shared: int) -> int:
    """The start of the next passage, which repeats at most `shared` tokens."""
    place, total = end, 0
    while place > start and total + sizes[place - 1] <= shared:
        place -= 1
        total += sizes[place]
    return place

"""Errors in a line of limited length: the way out at their end stays whole."""

from __future__ import annotations

import re

LONGEST = 400
"""Characters of a line."""

_LEAST = 24
"""Characters that are left of a quoted text."""

_QUOTED = re.compile(r"(?<!\w)(?:'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`)(?!\w)")


def shortened(line: str, most: int = LONGEST) -> str:
    """The line in at most so many characters: what it quotes is cut in the middle, the longest
    first; where that is not enough, the line itself, before its last clause."""
    for quoted in sorted(_QUOTED.findall(line), key=len, reverse=True):
        over = len(line) - most
        if over <= 0:
            break
        line = line.replace(quoted, _without_middle(quoted, max(_LEAST, len(quoted) - over)), 1)
    return line if len(line) <= most else _before_the_way_out(line, most)


def _before_the_way_out(line: str, most: int) -> str:
    told, mark, way_out = line.rpartition("; ")
    if mark and len(way_out) < most // 2:
        return f"{told[: most - len(way_out) - 3]}…; {way_out}"
    return _without_middle(line, most)


def _without_middle(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"

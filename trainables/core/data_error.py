"""The one error about data: something that its owner can fix."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile

from search_spaces.problem import nearest

_LONGEST = 60
_MOST_NAMES = 8
_MOST_SAID = 300
_POINT = re.compile(r"\(?\d+[.)] |[-*] ")
"""The beginning of a point of a list."""
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, _LONGEST, _LONGEST, _LONGEST


class DataError(ValueError):
    """A file, a record or a tokenizer that cannot be used.

    The message names the file, the row or line, the field and the value, and ends with a way out.
    Skipped rows with this fault are counted under `reason`.
    """

    def __init__(self, message: str, reason: str = "bad row") -> None:
        super().__init__(printable(message))
        self.reason = reason


@contextmanager
def about(field: str) -> Iterator[None]:
    """The block's DataError with the field of the sweep file that it is about."""
    try:
        yield
    except DataError as error:
        if field in str(error):
            raise
        raise DataError(f"{field}: {error}", error.reason) from error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A way out for an unknown word: the nearest known one, or all of them."""
    listed = list(known)
    near = nearest(word, listed)
    return f"did you mean {near}?" if near else f"there is {listing(listed, 20)}"


def said(error: BaseException) -> str:
    """The type and the first line of a library's exception, for a message of ours; with the list
    that such a line may announce."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    count = 1
    if lines and lines[0].endswith(":"):
        listed = takewhile(_POINT.match, lines[1:])
        count += max(1, len([*listed]))
    whole = " ".join(lines[:count])[:_MOST_SAID]
    return printable(": ".join([type(error).__name__, whole]).rstrip(": "))


def shown(value: object) -> str:
    """A value and its type, cut short, for a message; works for values of any size or depth."""
    if value is None:
        return "null"
    written = _REPR.repr(value)
    return f"{type(value).__name__} {short(written)}"


def listing(names: Iterable[object], most: int = _MOST_NAMES) -> str:
    """Names for a message, cut short; "none" if there are none."""
    listed = [short(str(name)) for name in names]
    more = [f"and {len(listed) - most} more"] if len(listed) > most else []
    return ", ".join([*listed[:most], *more]) or "none"


def printable(text: str) -> str:
    """The text with escapes for characters that a terminal would interpret or could not encode."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def short(text: str) -> str:
    """A text cut to at most 60 characters, for a message."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

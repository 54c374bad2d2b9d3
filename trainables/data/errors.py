"""The one error of this room: something about the data that its owner can put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """A file, a record or a tokenizer that cannot be used.

    The message names the file, the row or line, the field and the value, and ends with a way out.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A way out for an unknown word: the nearest known one, else all of them."""
    listed = list(known)
    near = difflib.get_close_matches(word, listed, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(listed)}"

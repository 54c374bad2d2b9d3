"""The one error of this room: something about the data that its owner can put right."""

from __future__ import annotations


class DataError(ValueError):
    """A file, a record or a tokenizer that cannot be used.

    The message names the file, the row or line, the field and the value, and ends with a way out.
    """

"""Secrets of this process's environment, kept out of messages that may end up in a record."""

from __future__ import annotations

import os
import re

_SECRET = re.compile(r"key|token|secret|passw|pwd|credential", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a value; a shorter one is too common a text to be taken out."""


def without_secrets(text: str) -> str:
    """The text with $NAME in place of the value of each variable that is named like a secret."""
    found = {value: name for name, value in os.environ.items() if _SECRET.search(name)}
    for value in sorted(found, key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"${found[value]}")
    return text

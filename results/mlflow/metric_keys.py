"""The names of metrics as MLflow accepts them: `eval_f1/C__` for `eval_f1/C++`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

_WORDS = {" + ": " plus ", " * ": " x "}
"""Operators of formulas, which would be the same without them."""

_REFUSED = re.compile(r"[^\w/.\- :]")
_LONGEST = 230
"""MLflow takes 250 characters; a prefix such as `best_` and a number come on top."""


def keys_of(names: Iterable[str]) -> dict[str, str]:
    """The key of each of a run's metrics, the same in whatever order the names come.

    Refused characters become `_`. Keys that would be equal, also to a database that ignores case,
    are numbered; a name that needs no change keeps it.
    """
    listed = sorted(names, key=lambda name: (_allowed(name) != name, name))
    keys: dict[str, str] = {}
    taken: set[str] = set()
    for name in listed:
        keys[name] = _free(_allowed(name), taken)
        taken.add(keys[name].casefold())
    return keys


def _allowed(name: str) -> str:
    """The name in characters and parts that MLflow accepts; it takes a key for a path."""
    for operator, word in _WORDS.items():
        name = name.replace(operator, word)
    plain = _REFUSED.sub("_", name)[:_LONGEST]
    parts = [part if part.strip(".") else "_" * max(1, len(part)) for part in plain.split("/")]
    return posixpath.join(*parts) if parts else plain


def _free(key: str, taken: set[str]) -> str:
    number, found = 1, key
    while found.casefold() in taken:
        number += 1
        found = f"{key} {number}"
    return found

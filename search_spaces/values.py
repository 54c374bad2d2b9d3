"""Single values: types, comparison, and display."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | None"
"""The value of a parameter in a trial. In YAML a tuple is a list."""

_PLAIN_TEXT = re.compile(
    r"(?!(null|true|false|yes|no|on|off)$)[A-Za-z_/]([\w./ -]*[\w./-])?", re.IGNORECASE
)


def as_float(value: object) -> float | None:
    """`value` as a float; None if it is not a finite number. Booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_option(value: object) -> object:
    """`value` with its lists as tuples, for comparing and hashing."""
    return tuple(map(as_option, value)) if isinstance(value, list | tuple) else value


def show(value: object) -> str:
    """`value` in YAML, as a user would write it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{show(key)}: {show(each)}' for key, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value if _PLAIN_TEXT.fullmatch(value) else quoted(value)
    return str(value)


def quoted(value: object) -> str:
    """`value` as in `show`, but texts always in quotes, for the middle of a sentence."""
    if not isinstance(value, str):
        return show(value)
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    # Python's escapes are YAML's, except for the quote.
    return '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'


def identity(value: object) -> object:
    """A key that only identical values share: True is not 1, but 1.0 is."""
    if isinstance(value, tuple):
        return tuple(map(identity, value))
    return isinstance(value, bool), value

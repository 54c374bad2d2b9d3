"""Single values: how they are compared, and how they are shown."""

from __future__ import annotations

import math
import re

_PLAIN_TEXT = re.compile(r"(?!(null|true|false|yes|no|on|off)$)[A-Za-z_][\w./ -]*", re.IGNORECASE)


def as_float(value: object) -> float | None:
    """`value` as a float; None where it is no finite number. A boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_option(value: object) -> object:
    """`value` with its lists as tuples, which can be compared and hashed."""
    return tuple(map(as_option, value)) if isinstance(value, list | tuple) else value


def show(value: object) -> str:
    """`value` as a user would write it in YAML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str) and not _PLAIN_TEXT.fullmatch(value):
        return repr(value)
    return str(value)


def identity(value: object) -> object:
    """What two values share only where they are the same: True is not 1, though 1.0 is."""
    if isinstance(value, tuple):
        return tuple(map(identity, value))
    return isinstance(value, bool), value

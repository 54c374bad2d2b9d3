"""A label's name, however a file writes it: 1, 1.0 and "1" are one label."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TRUTH = {"true": "1.0", "false": "0.0", "yes": "1.0", "no": "0.0"}


def written(value: str | float) -> str:
    """The name of a label given as text, number or truth value: 1.0 is 1, True is true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def key(name: str) -> str:
    """Equal for names that are certainly one label: 1 and 1.0; True and true; é in both codings."""
    if _DECIMAL.fullmatch(name):
        digits, _, fraction = name.removeprefix("+").partition(".")
        rest = fraction.rstrip("0")
        return f"{digits}.{rest}" if rest else {"-0": "0"}.get(digits, digits)
    if name.lower() in ("true", "false"):
        return name.lower()
    return unicodedata.normalize("NFC", name)


def number(name: str) -> float | None:
    """The number that a name writes; None for a word. NaN and infinity are words."""
    if not _NUMBER.fullmatch(name):
        return None
    value = float(name)
    return value if math.isfinite(value) else None


def doubtful(names: Iterable[str]) -> list[str]:
    """Names that may mean one label though they differ: 01, true and one beside 1.

    Empty if there is no doubt; such names in one column are usually a fault of its making.
    """
    meant: dict[str, list[str]] = {}
    for name in names:
        meant.setdefault(_meaning(name), []).append(name)
    return [name for group in meant.values() if len(group) > 1 for name in group]


def unlike_in_case(names: Iterable[str]) -> list[str]:
    """Names that differ only in case or spaces: C++ and c++."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    return [name for group in alike.values() if len(group) > 1 for name in group]


def _meaning(name: str) -> str:
    value = number(name)
    if value is not None:
        return repr(value) if abs(value) < 2**53 else name
    word = name.casefold()
    if word in _WORDS:
        return repr(float(_WORDS.index(word)))
    return _TRUTH.get(word, name)

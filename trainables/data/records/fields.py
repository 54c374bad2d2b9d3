"""The fields of a record, read with their types; DataError if one is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from trainables.core.data_error import DataError, shown
from trainables.core.label import key, written
from trainables.data.records.place import MISSING, NUMBERS, Place

_JUDGEMENTS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


LONGEST = 1_000_000
"""Maximum characters of a text that is not a document: above any model's context, so a fault."""


def text(value: object, where: Place, field: str, longest: float = LONGEST) -> str:
    """The value as text; null and NaN count as empty, numbers, true and false are as in JSON."""
    if value is None:
        return ""
    if isinstance(value, float) and math.isnan(value):
        where.allow(MISSING)
        return ""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        where.allow(NUMBERS)
        return json.dumps(value)
    if not isinstance(value, str):
        message = f"{where}: {field} is {shown(value)}; it must be a string"
        raise DataError(message, "wrong type")
    if len(value) > longest:
        raise DataError(
            f"{where}: {field} has {len(value):,} characters ({shown(value)}), more than "
            f"the limit of {longest:,}; split or remove the record",
            "text too long",
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        fault = f"{field} holds an unpaired surrogate at character {error.start + 1}"
        raise DataError(f"{where}: {fault}; repair or remove the record") from error
    return value


def label(value: object, where: Place) -> str | tuple[str, ...]:
    """A name, or those of a list; empty text if null. Numbers and truth values are names too."""
    if isinstance(value, list | tuple):
        names = (_one_label(each, where) for each in value)
        return tuple(name for name in names if name)
    return _one_label(value, where)


def _one_label(value: object, where: Place) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, str):
        return text(value, where, "label").strip()
    if isinstance(value, int | float):
        return written(value)
    raise DataError(
        f"{where}: label is {shown(value)}; it must be a name, a number, or a list of names"
    )


def _is_missing(value: object) -> bool:
    """Whether it is null or NaN, which is text in a table."""
    return value in (None, "nan", "NaN") or (isinstance(value, float) and math.isnan(value))


def judgement(value: object, where: Place) -> bool | None:
    """Whether an answer is good: true or false, or 1 or 0 (1.0 in a table in which some are
    missing); None if null, NaN or empty."""
    if _is_missing(value) or value == "":
        return None
    name = key(written(value)) if isinstance(value, str | int | float) else ""
    if name not in _JUDGEMENTS:
        raise DataError(f"{where}: label is {shown(value)}; it must be true (good) or false (bad)")
    return _JUDGEMENTS[name]


def reward(value: object) -> float | None:
    """The number, NaN if it is not one, or None if null."""
    if value is None:
        return None
    return _number(value)


def weight(value: object, where: Place) -> float:
    """A record's weight: a number >= 0, or 1 if null."""
    if value is None:
        return 1.0
    number = _number(value)
    if not (math.isfinite(number) and number >= 0):
        raise DataError(f"{where}: weight is {shown(value)}; it must be a number of at least 0")
    return number


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf

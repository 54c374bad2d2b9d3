"""Notation of domains and conditions: `{log_uniform: [1.0e-5, 3.0e-3], when: {method: lora}}`.

uniform: [low, high]            Float, evenly; with `step: s` only every s-th value
log_uniform: [low, high]        Float, evenly over orders of magnitude
quantized: [low, high, step]    Float, the same as uniform with a step
int: [low, high]                Int, evenly; with `step: s` only every s-th value
log_int: [low, high]            Int, evenly over orders of magnitude
choice: [a, b, ...]             Choice

A list of such entries gives a name several branches: each entry holds while its `when` does, and no
two may hold at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from search_spaces.dimension import Conditions
from search_spaces.domains import Choice, Domain, Float, Int, checked_option
from search_spaces.problem import DomainError, nearest
from search_spaces.values import Value, show

_Entry = TypeVar("_Entry")

_Written: TypeAlias = Any
"""A value in place of a number; its domain checks it."""

KINDS = ("uniform", "log_uniform", "quantized", "int", "log_int", "choice")

_KINDS_REMEDY = f"the kinds are {', '.join(KINDS)}"
_EXPONENT_FORM = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def read_entries(entry: object) -> Sequence[object]:
    """The branches under one name; nearly always one."""
    if isinstance(entry, list | tuple) and any(isinstance(part, Mapping) for part in entry):
        return entry
    return [entry]


def read_domain(entry: object) -> Domain:
    """The domain of one entry; `read_when` reads its `when`."""
    fields = _fields(entry)
    kind = _kind(fields)
    given = fields[kind]
    if "step" in fields and kind in ("quantized", "log_uniform", "log_int", "choice"):
        raise DomainError(f"{kind} does not accept a separate step", "remove step")
    if kind == "choice":
        return Choice(_options(given))
    if kind in ("int", "log_int"):
        low, high = map(_whole, _numbers(kind, given))
        return Int(low, high, log=kind == "log_int", step=_whole(_number(fields.get("step", 1))))
    low, high, *steps = _numbers(kind, given)
    step = steps[0] if steps else _number(fields.get("step"))
    return Float(low, high, log=kind == "log_uniform", step=step)


def read_when(entry: object) -> dict[str, tuple[object, ...]]:
    """The conditions of one entry: name -> the values that activate it."""
    when = entry.get("when", {}) if isinstance(entry, Mapping) else {}
    if not isinstance(when, Mapping):
        raise DomainError(f"when is {show(when)}, not a mapping", "write when: {schedule: wsd}")
    return {str(parent): _accepted(parent, values) for parent, values in when.items()}


def read_value(value: object) -> object:
    """A value as written: lists become tuples, and 1e-4 (a text in YAML 1.1) a number."""
    if isinstance(value, list | tuple):
        return tuple(map(read_value, value))
    if isinstance(value, str) and _EXPONENT_FORM.fullmatch(value):
        return float(value)
    return value


def write_entries(entries: Sequence[_Entry]) -> _Entry | list[_Entry]:
    """The notation of `entries`; a single one is not in a list."""
    return entries[0] if len(entries) == 1 else list(entries)


def write_entry(domain: Domain, when: Conditions) -> dict[str, object]:
    """The notation of `domain` and `when`."""
    entry = _write_domain(domain)
    if when:
        entry["when"] = {parent: _write_accepted(values) for parent, values in when.items()}
    return entry


def _write_domain(domain: Domain) -> dict[str, object]:
    match domain:
        case Choice(options=options):
            return {"choice": [_write_value(option) for option in options]}
        case Int(log=True):
            return {"log_int": [domain.low, domain.high]}
        case Int():
            step = {} if domain.step == 1 else {"step": domain.step}
            return {"int": [domain.low, domain.high], **step}
        case Float(log=True):
            return {"log_uniform": [domain.low, domain.high]}
        case Float(step=None):
            return {"uniform": [domain.low, domain.high]}
        case Float():
            return {"quantized": [domain.low, domain.high, domain.step]}


def _write_value(value: object) -> object:
    return [_write_value(part) for part in value] if isinstance(value, tuple) else value


def _write_accepted(values: tuple[object, ...]) -> object:
    # One list-valued option stays wrapped, or it would read back as several values.
    if len(values) == 1 and not isinstance(values[0], tuple):
        return values[0]
    return [_write_value(value) for value in values]


def _fields(entry: object) -> Mapping[object, object]:
    if isinstance(entry, Mapping):
        return entry
    if entry is None:
        raise DomainError("has no domain", _KINDS_REMEDY)
    if isinstance(entry, list | tuple):
        raise DomainError(f"is the bare list {show(entry)}", f"write {{choice: {show(entry)}}}")
    raise DomainError(
        f"is the plain value {show(entry)}", "put fixed values at the top level of the spec"
    )


def _kind(fields: Mapping[object, object]) -> str:
    for key in fields:
        if key not in (*KINDS, "step", "when"):
            near = nearest(str(key), KINDS)
            remedy = f"did you mean {near}? {_KINDS_REMEDY}" if near else _KINDS_REMEDY
            raise DomainError(f"has the unknown kind {show(key)}", remedy)
    named = [key for key in fields if key in KINDS]
    if len(named) != 1:
        found = " and ".join(named) if named else "no kind"
        raise DomainError(f"names {found}", f"name one of {', '.join(KINDS)}")
    return str(named[0])


def _numbers(kind: str, given: object) -> list[_Written]:
    shape = "[low, high, step]" if kind == "quantized" else "[low, high]"
    if not isinstance(given, list | tuple) or len(given) != shape.count(",") + 1:
        raise DomainError(f"{kind} is {show(given)}", f"write {kind}: {shape}")
    return [_number(number) for number in given]


def _number(value: object) -> _Written:
    """Texts such as 1e-5 as numbers; anything else unchanged, for the domain to check."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise DomainError(f"{show(value)} is not a number") from None


def _whole(value: _Written) -> _Written:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _options(given: object) -> tuple[Value, ...]:
    if not isinstance(given, list | tuple):
        raise DomainError(f"choice is {show(given)}", f"write choice: [{show(given)}]")
    return tuple(checked_option(read_value(option)) for option in given)


def _accepted(parent: object, values: object) -> tuple[object, ...]:
    accepted = values if isinstance(values, list | tuple) else (values,)
    if not accepted:
        raise DomainError(f"when accepts no value of {show(parent)}", "list at least one")
    return tuple(map(read_value, accepted))

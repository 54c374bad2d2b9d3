"""Measured values in text: four places, or more where four would hide a difference. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from results.records.record import Measurement

_PLACES = 4
_MOST = 8
_ROUNDING = 1e-12


def places(values: Iterable[float]) -> int:
    """Decimal places by which values that differ look different, as far as eight can tell."""
    distinct = set(values)
    for count in range(_PLACES, _MOST):
        if len({f"{value:.{count}f}" for value in distinct}) == len(distinct):
            return count
    return _MOST


def size(value: float, places: int = _PLACES) -> str:
    """A value to four places, or as many; to two digits if they would all be 0, unless it is
    rounding."""
    text = f"{value:.{places}f}"
    return f"{value:.2g}" if abs(value) > _ROUNDING and not float(text) else text


def latest(measured: Measurement, name: str, places: int = _PLACES) -> str:
    """The value on the whole set, or `~2.1034` on the part that was measured; empty without one."""
    if name in measured.metrics:
        return size(measured.metrics[name], places)
    return f"~{size(measured.subset[name], places)}" if name in measured.subset else ""


def apart(one: float, other: float) -> tuple[str, str] | None:
    """Both with as many digits as tell them apart, if four places do not; None if they do."""
    if f"{one:.{_PLACES}f}" != f"{other:.{_PLACES}f}" or one == other:
        return None
    for digits in range(2, 17):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return repr(one), repr(other)

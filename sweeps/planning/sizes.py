"""Sizes of memory in words."""

from __future__ import annotations

GIB = 2**30

_UNITS = (("GB", GIB), ("MB", 2**20), ("KB", 2**10))
"""In powers of two, as GPUs are sold."""


def shown(size: int) -> str:
    """`22.71 GB`, `141 GB`, `61 MB`, `5.2 MB`: in the largest unit of which it has a tenth."""
    unit, one = next((each for each in _UNITS if abs(size) >= each[1] / 10), _UNITS[-1])
    count = size / one
    if unit == "GB":
        return f"{count:.2f} GB" if abs(count) < 100 else f"{count:,.0f} GB"
    return f"{count:.1f} {unit}" if abs(count) < 10 else f"{count:.0f} {unit}"

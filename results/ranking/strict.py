"""Values as JSON can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping


def strict(value: object) -> object:
    """`value` with null instead of NaN and infinity, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict(inner) for inner in value]
    return value

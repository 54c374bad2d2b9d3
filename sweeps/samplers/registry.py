"""All samplers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.samplers.sampler import Sampler
from trainables.core.discovery import found_in

DEFAULT_SAMPLER = "tpe"

_FOUND = found_in("sweeps.samplers", Sampler)  # type: ignore[type-abstract]

SAMPLERS: Mapping[str, Sampler] = {DEFAULT_SAMPLER: _FOUND.pop(DEFAULT_SAMPLER), **_FOUND}
"""The default comes first, since most sweeps use it."""

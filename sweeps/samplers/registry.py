"""All samplers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.base.kinds import find_kinds
from sweeps.samplers.sampler import Sampler

DEFAULT_SAMPLER = "tpe"

SAMPLERS: Mapping[str, type[Sampler]] = find_kinds(
    "sweeps.samplers",
    Sampler,  # type: ignore[type-abstract]  # nothing is made of it
    DEFAULT_SAMPLER,
)

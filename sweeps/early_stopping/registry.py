"""All rules for early stopping, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.base.kinds import find_kinds
from sweeps.early_stopping.rule import EarlyStopping

DEFAULT_EARLY_STOPPING = "asha"

EARLY_STOPPING: Mapping[str, type[EarlyStopping]] = find_kinds(
    "sweeps.early_stopping",
    EarlyStopping,  # type: ignore[type-abstract]  # nothing is made of it
    DEFAULT_EARLY_STOPPING,
)

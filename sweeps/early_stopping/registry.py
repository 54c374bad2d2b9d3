"""All rules for early stopping, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.early_stopping.rule import EarlyStopping
from trainables.core.discovery import found_in

DEFAULT_EARLY_STOPPING = "asha"

EARLY_STOPPING: Mapping[str, EarlyStopping] = found_in(
    "sweeps.early_stopping",
    EarlyStopping,  # type: ignore[type-abstract]
)

"""Hyperparameter sweeps. `from sweeps import Sweep` is the Python entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeps.sweep import Sweep, SweepResult

__all__ = ["Sweep", "SweepResult"]


def __getattr__(name: str) -> object:
    """Lazy import: `sweep --help` needs neither a spec nor records."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sweeps import sweep

    return getattr(sweep, name)

"""What goes wrong with MLflow: a failure that passes, and one that stays."""

from __future__ import annotations


class TrackingError(RuntimeError):
    """MLflow could not be reached, or refused. The message shows the address without secrets."""


class StoreAwayError(TrackingError):
    """No answer, a server's own failure or a locked database: later it may work.

    What was asked for may have been done all the same. Each method of Tracker may be called again.
    """

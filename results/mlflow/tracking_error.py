"""MLflow's failures, temporary or permanent."""

from __future__ import annotations


class TrackingError(RuntimeError):
    """MLflow could not be reached, or refused. The message shows the address without secrets."""


class StoreAwayError(TrackingError):
    """No answer, a server's own failure or a locked database: may work later.

    The request may have taken effect all the same. Each method of Tracker may be called again.
    """


class StoreFullError(StoreAwayError):
    """The disk of the store is full. It may work later, but not soon: somebody has to make room."""

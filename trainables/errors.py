"""What the owner of a trial can mend. Light, so that a command line can know them."""

from __future__ import annotations


class ModelError(ValueError):
    """A model that cannot be loaded, with the way out."""


class RefusedError(ValueError):
    """A trial that cannot be set up as it is configured. All ranks raise it at the same point."""

"""Errors that a trial's owner can fix. Light, so that a command line can import them."""

from __future__ import annotations

from search_spaces.problem import Problem


class ModelError(ValueError):
    """A model that cannot be loaded, with the way out."""


class RefusedError(ValueError):
    """A trial that cannot be set up as configured. All ranks raise it at the same point."""


class MisfitError(ValueError):
    """A choice that is impossible with the model, with its field and the way out."""

    def __init__(self, place: str, message: str, remedy: str = "") -> None:
        super().__init__(place, message, remedy)
        self.problem = Problem(place, message, remedy)

    def __str__(self) -> str:
        return str(self.problem)


class StorageError(OSError):
    """Shared storage that does not answer or refuses, with its address and the reason."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(None, reason, address)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str]]:
        return StorageError, (str(self.filename), str(self.strerror))

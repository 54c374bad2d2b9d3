"""Cleanup in steps, despite errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def try_all(*steps: Callable[[], object]) -> None:
    """Run every step, whatever the others raise, Ctrl-C included; then raise the first error.

    Later errors become its notes.
    """
    first: BaseException | None = None
    for step in steps:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - raised below, or noted
            if first is None:
                first = error
            else:
                _note(first, error)
    if first is not None:
        raise first


@contextmanager
def after(first: BaseException) -> Iterator[None]:
    """Errors in the block become notes of the first error instead of hiding it."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - noted
        _note(first, error)


def _note(first: BaseException, later: BaseException) -> None:
    if later is not first:
        first.add_note(f"and after that, {type(later).__name__}: {later}")

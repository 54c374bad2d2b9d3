"""The end of something, step by step, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def try_all(*steps: Callable[[], object]) -> None:
    """Take every step, whatever the others raise, Ctrl-C included; then raise the first error.

    It has the later ones as notes.
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
    """What goes wrong in the block is noted on the error that came first, and hides it not."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - noted
        _note(first, error)


def _note(first: BaseException, later: BaseException) -> None:
    if later is not first:
        first.add_note(f"and after that, {type(later).__name__}: {later}")

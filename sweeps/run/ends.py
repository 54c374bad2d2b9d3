"""The end of a sweep: its books are closed, however it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from results.records.record import SweepState
from sweeps.base.closing import after
from sweeps.books.books import Books
from sweeps.home.home import SweepFolder
from sweeps.run.driver.driver import Driver
from trainables.core.progress import Progress


@contextmanager
def freed_if_empty(folder: SweepFolder, books: Books) -> Iterator[None]:
    """Free the name of a sweep that fails before its first trial."""
    try:
        yield
    except BaseException as error:
        with after(error):
            if folder.is_empty():
                books.free()
        raise


@contextmanager
def closing(books: Books, folder: SweepFolder, progress: Progress) -> Iterator[None]:
    """Close the sweep's books on an error, even without a driver to close them."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = error.filename or str(folder.path)  # "disk full" has no file name
        by_hand = isinstance(error, KeyboardInterrupt)
        state = SweepState.INTERRUPTED if by_hand else SweepState.FAILED
        with after(error):
            books.close(state, folder.store.trials(), None if by_hand else str(error), progress)
        raise


@contextmanager
def ending(driver: Driver) -> Iterator[None]:
    """Close the books of the trials and of the sweep, however the run ends.

    Raises the error that ended the run, not later ones: a full disk raises the same again.
    """
    try:
        yield
    except KeyboardInterrupt:
        driver.end(SweepState.INTERRUPTED)
        if not driver.records():
            raise
    except BaseException as error:
        with after(error):
            driver.end(SweepState.FAILED, str(error))
        raise
    else:
        driver.end(SweepState.COMPLETE)

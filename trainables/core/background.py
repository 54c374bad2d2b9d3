"""Work beside the trials, in threads and asyncio tasks: failures are reported, not lost."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Tell = Callable[[str], None]
"""Receives the report of a failure, as a sentence."""


def logged(text: str) -> None:
    """Logs a failure if there is no other receiver."""
    logging.getLogger(__name__).error(text)


@contextmanager
def breakdowns_told(what: str, loss: str, tell: Tell) -> Iterator[None]:
    """The boundary of a thread or a task: uncaught exceptions are passed to `tell`.

    `what` names the work, `loss` says what its end means for the sweep: "The watch over the nodes
    broke down (KeyError: 'x', nodes.py line 33); nodes that are drained go unnoticed".
    """
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        raise  # the regular way to cancel a task
    except BaseException as error:  # noqa: BLE001 - no caller would see it; it is reported
        tell(breakdown(what, error, loss))


def breakdown(what: str, error: BaseException, loss: str) -> str:
    """The sentence that reports the failure."""
    return f"{what} broke down ({_described(error)}); {loss}"


def _described(error: BaseException) -> str:
    """The exception's type, its message and where it was raised."""
    first_line = next(iter(str(error).strip().splitlines()), "no message")
    frames = traceback.extract_tb(error.__traceback__)
    place = f", {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {first_line}{place}"


class Background:
    """A thread that reports its failure, at once to `tell` and later in `breakdown`."""

    def __init__(self, name: str, work: Callable[[], None], loss: str, tell: Tell) -> None:
        self.breakdown: str | None = None
        self._work = work
        self._what = f"The {name} thread"
        self._loss = loss
        self._tell = tell
        # Python 3.11 takes a thread for ended when Ctrl-C interrupts `Thread.join`.
        self._ended = threading.Event()
        # A daemon: a hanging library must not keep the process from exiting.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether it was started, even if it has ended since."""
        return self._thread.ident is not None

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self.started and not self._ended.is_set()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, up to a time limit."""
        if self.started:
            self._ended.wait(seconds)

    def join(self) -> None:
        """Wait until it has ended; a Ctrl-C during the wait is raised afterwards.

        Returns at once if it was never started.
        """
        if not self.started:
            return
        try:
            self._ended.wait()
        finally:
            self._ended.wait()

    def _run(self) -> None:
        try:
            with breakdowns_told(self._what, self._loss, self._note):
                self._work()
        finally:
            self._ended.set()

    def _note(self, text: str) -> None:
        self.breakdown = text
        self._tell(text)

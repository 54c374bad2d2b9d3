"""A limit for the time that one rendering takes: a chat template is a program, and may not end."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 5.0
"""Maximum CPU time of one rendering: thousands of times what a long chat takes."""

_LOOKS = 0.25
"""Seconds between two looks at the clock."""


class OverrunError(Exception):
    """A rendering took longer than its limit."""


class Deadline:
    """Ends calls that take too long, in any thread of any platform.

    The limit is in CPU time, so that a busy machine makes no difference. A thread of its own
    watches, from the first call to `close`; signals would reach the main thread only.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = SECONDS if seconds is None else seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None
        self._running: tuple[int, float] | None = None
        self._fired = False

    def call(self, work: Callable[[], T]) -> T:
        """The result of `work`; OverrunError if it takes too long."""
        if self._watch is None:
            self._watch = threading.Thread(target=self._look, name="deadline", daemon=True)
            self._watch.start()
        self._fired = False
        self._running = (threading.get_ident(), time.process_time() + self._seconds)
        try:
            return work()
        finally:
            self._end()

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _end(self) -> None:
        with self._lock:
            running, self._running = self._running, None
            if self._fired and running is not None:
                # The exception may still be on its way; nothing after this call may meet it.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(running[0]), None)
        if self._fired:
            raise OverrunError

    def _look(self) -> None:
        while not self._closed.wait(_LOOKS):
            with self._lock:
                if self._running is None or self._fired:
                    continue
                thread, until = self._running
                if time.process_time() > until:
                    self._fired = True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(thread), ctypes.py_object(OverrunError)
                    )

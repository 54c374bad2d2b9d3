"""A watch over Ray's head process (the GCS). Without it Ray ends this process by itself a minute
later, without a word on the sweep: no exception is raised, no exit handler runs."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sweeps.base.errors import HeadLostError
from trainables.core.background import Background, Tell, logged


@dataclass(frozen=True)
class Patience:
    """Seconds of silence until the head counts as `lost`, and more until the process `ends` that is
    still there then, since it waits in a call to Ray; together less than Ray's own 60."""

    lost: float
    ends: float = 15.0


OWN = Patience(lost=8.0)
"""Of a Ray that this process has started: nobody starts its head again."""

FOREIGN = Patience(lost=40.0)
"""Of a cluster, which may start its head again."""

_EVERY = 1.0
"""Seconds between two looks."""

_CONNECTING = 3.0
"""Seconds in which the head's port answers."""

_EXIT_CODE = 2
"""As of any command that an obstacle ends."""


def end_process(last_words: str) -> None:
    """End this process at once, as Ray would, but with words and an exit code of ours."""
    sys.stderr.write(f"Error: {last_words}\n")
    sys.stderr.flush()
    os._exit(_EXIT_CODE)


class HeadWatch:
    """Whether the head is `lost`, for those who then end the sweep in order, with `last_words`.

    A context manager; watches from `begin` on, if the head answers then. `tell` is told if the
    watch breaks down; `end` ends the process if nobody else has.
    """

    def __init__(
        self,
        last_words: Callable[[], str],
        tell: Tell = logged,
        end: Callable[[str], object] = end_process,
    ) -> None:
        self.lost = False
        self._last_words = last_words
        self._end = end
        self._address: tuple[str, int] | None = None
        self._patience = FOREIGN
        self._over = threading.Event()
        loss = "the loss of Ray's head process would end this command without its last words"
        self._thread = Background("head watch", self._watch, loss, tell)

    def __enter__(self) -> HeadWatch:
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, address: str, patience: Patience) -> None:
        """Watch the head at `HOST:PORT`."""
        host, _, port = address.rpartition(":")
        self._address, self._patience = (host.strip("[]"), int(port)), patience
        if self._answers():  # else it is out of reach from here, as through a Ray client
            self._thread.start()

    def refuse_if_lost(self) -> None:
        """HeadLostError if the head is lost."""
        if self.lost:
            raise HeadLostError(self._last_words())

    def refuse_if_silent(self) -> None:
        """Wait while the head does not answer; HeadLostError if it is lost meanwhile. For errors of
        Ray, of which a lost head may be the cause."""
        while self._thread.runs and not self.lost and not self._answers():
            time.sleep(_EVERY)
        self.refuse_if_lost()

    def _watch(self) -> None:
        heard = time.monotonic()
        while not self._over.wait(_EVERY):
            now = time.monotonic()
            if self._answers():
                heard = now
            elif now - heard >= self._patience.lost:
                self.lost = True
                break
        if self.lost and not self._over.wait(self._patience.ends):
            self._end(self._last_words())

    def _answers(self) -> bool:
        assert self._address is not None, "begun"
        try:
            socket.create_connection(self._address, timeout=_CONNECTING).close()
        except OSError:
            return False
        return True

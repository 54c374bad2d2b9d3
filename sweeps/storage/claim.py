"""A sweep on shared storage belongs to one head at a time."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sweeps.base.closing import try_all
from sweeps.base.errors import SweepError
from trainables.core.background import Background, Tell, logged
from trainables.storage.remote_folder import RemoteFolder

BEAT = 10.0
"""Seconds between two heartbeats."""

SILENCE = 35.0
"""Seconds without a heartbeat after which a head counts as lost."""

LOOK = 1.0
"""Seconds between two checks for another head's heartbeat."""

_SLOW = 2.0
"""Seconds above which a read is slow: the store may delay other heads' heartbeats, too."""

_LONGEST = 5
"""Times SILENCE for which a slow store is watched."""

_NOBODY = ""
"""The token of a damaged heartbeat."""

_PATIENCE = 5.0
"""Seconds for which a failing access to the storage is retried."""

_THIS_PROCESS = uuid.uuid4().hex

# Includes the time for which a laptop sleeps, if the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Sign(BaseModel):
    """A head's heartbeat on the storage; the last one, when it leaves the sweep, is `over`."""

    model_config = ConfigDict(frozen=True)

    token: str
    host: str
    beat: int
    over: bool = False


class TakenOverError(SweepError):
    """Another head has taken over the sweep."""


class Claim:
    """This head's claim to the sweep in `folder`, written to `storage`.

    Heads have no common clock, so only watching shows that one is dead. Stores have no locks: two
    heads that take a dead head's sweep in the same second may both begin; one of them finds out at
    its next heartbeat.

    For the same reason our heartbeat may overwrite one written between our check and our write.
    That loses no sweep: each head checks before each heartbeat and writes none after seeing
    another's, so the overwritten head ends at its next check and the other continues. The mirror
    of the latter repairs any of its records that the former has overwritten.
    """

    def __init__(self, storage: RemoteFolder, folder: Path, token: str = _THIS_PROCESS) -> None:
        self.taken_over: TakenOverError | None = None
        self._heads = replace(storage, patience=_PATIENCE) / "heads"
        self._file = f"{folder.name}.json"
        self._folder = folder
        self._token = token
        self._noted = False
        self._beats = 0
        self._beaten = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()

    @contextmanager
    def held(
        self,
        tell: Callable[[str], None],
        way_out: str,
        broken: Tell = logged,
    ) -> Iterator[Claim]:
        """Hold the sweep while the block runs, and write heartbeats; `broken` is told if
        writing breaks down.

        SweepError, with the way out, if another head runs it; the check takes SILENCE seconds.
        TakenOverError at the end if another head has taken over, whatever else the block raises.
        """
        self._take(tell, way_out)
        loss = "another head node may consider this sweep abandoned and resume it"
        thread = Background("claim", self._live, loss, broken)
        try:
            thread.start()
            yield self
        finally:
            try_all(self._over.set, thread.join, self._leave, self._refuse_if_taken_over)

    def renew(self, at_once: bool = False) -> None:
        """Write a heartbeat if one is due; TakenOverError if another head has the sweep."""
        with self._lock:
            self._refuse_if_taken_over()
            if at_once or time.clock_gettime(_CLOCK) - self._beaten >= BEAT:
                if other := self._other():
                    self.taken_over = TakenOverError(
                        f"{other.host} has taken over this sweep after {SILENCE:.0f} s without a "
                        "heartbeat from this head node; it ends here"
                    )
                    raise self.taken_over
                self._give_sign()

    def _refuse_if_taken_over(self) -> None:
        if self.taken_over:
            raise self.taken_over

    def _take(self, tell: Callable[[str], None], way_out: str) -> None:
        sign = self._sign()
        if sign and not sign.over and sign.token not in (self._token, self._earlier()):
            tell(f"Checking for {SILENCE:.0f} s whether {sign.host} still runs this sweep")
            self._outlast(sign, way_out)
        self._give_sign()
        try:
            time.sleep(2 * LOOK)  # another head may have begun at the same moment
            other = self._other()
        except BaseException:
            self._leave()
            raise
        if other:
            raise self._refusal(other, way_out)

    def _outlast(self, sign: _Sign, way_out: str) -> None:
        began = silent_since = time.monotonic()
        while (now := time.monotonic()) - silent_since < SILENCE:
            time.sleep(LOOK)
            seen = self._sign()
            if seen is None or seen.over:
                return
            if seen != sign:
                raise self._refusal(seen, way_out)
            if time.monotonic() - now > LOOK + _SLOW:
                silent_since = time.monotonic()
            if now - began > _LONGEST * SILENCE:
                raise SweepError(
                    f"{self._heads} is too slow to tell whether {sign.host} still runs sweep "
                    f"{self._folder.name!r}; try again"
                )

    def _refusal(self, other: _Sign, way_out: str) -> SweepError:
        return SweepError(f"sweep {self._folder.name!r} is running on {other.host}; {way_out}")

    def _live(self) -> None:
        while not self._over.wait(LOOK):
            with suppress(OSError, TakenOverError):  # the next write to the storage reports it
                self.renew()

    def _give_sign(self, over: bool = False) -> None:
        self._beats += 1
        sign = _Sign(token=self._token, host=socket.gethostname(), beat=self._beats, over=over)
        self._heads.write(self._file, sign.model_dump_json().encode())
        self._beaten = time.clock_gettime(_CLOCK)
        if not self._noted and self._folder.is_dir():
            with suppress(OSError):  # without it, a resume here checks for heartbeats
                self._own.write_text(self._note())
                self._noted = True

    def _leave(self) -> None:
        """Let the next head begin at once, and a disconnected head learn that there was another."""
        with suppress(OSError):  # else the next head checks for heartbeats
            if not self._other():
                self._give_sign(over=True)

    def _other(self) -> _Sign | None:
        sign = self._sign()
        return sign if sign and sign.token not in (self._token, _NOBODY) else None

    def _sign(self) -> _Sign | None:
        try:
            return self._read()
        except ValidationError:
            time.sleep(LOOK)  # it may have been incomplete
        try:
            return self._read()
        except ValidationError:
            return _Sign(token=_NOBODY, host="a head node with an unreadable heartbeat", beat=0)

    def _read(self) -> _Sign | None:
        try:
            return _Sign.model_validate_json(self._heads.read(self._file))
        except FileNotFoundError:
            return None

    @property
    def _own(self) -> Path:
        return self._folder / ".claim"

    def _note(self) -> str:
        """The note for a resume after a kill of this process; invalid in a copy of the folder."""
        return f"{self._token}\n{socket.gethostname()} {self._folder.stat().st_ino}"

    def _earlier(self) -> str | None:
        """The token of the previous process of this sweep here; we hold the folder's lock."""
        with suppress(FileNotFoundError):
            token, _, place = self._own.read_text().partition("\n")
            if place == f"{socket.gethostname()} {self._folder.stat().st_ino}":
                return token
        return None

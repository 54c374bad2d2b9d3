"""A sweep on shared storage belongs to one head at a time."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sweeps.errors import SweepError
from trainables.remote_folder import RemoteFolder

BEAT = 10.0
"""Seconds between two signs of life."""

SILENCE = 35.0
"""Seconds without one after which a head is taken to be lost."""

LOOK = 1.0
"""Seconds between two looks whether another head gives a sign of life."""

_THIS_PROCESS = uuid.uuid4().hex


class _Sign(BaseModel):
    """What a head leaves on the storage, again and again, while it runs a sweep."""

    model_config = ConfigDict(frozen=True)

    token: str
    host: str
    beat: int


class TakenOverError(SweepError):
    """Another head runs the sweep by now."""


class Claim:
    """This head's claim to the sweep whose folder is `folder`, told on `storage`.

    Heads have no common clock, so that one is dead is seen by watching it. A store has no lock
    either: of two heads that claim a dead one's sweep in the same second both may begin, and one of
    them gets TakenOverError within two beats.
    """

    def __init__(self, storage: RemoteFolder, folder: Path, token: str = _THIS_PROCESS) -> None:
        self._heads = storage / "heads"
        self._file = f"{folder.name}.json"
        self._own = folder / ".claim"  # with the folder, for a resume after this process was killed
        self._folder = folder
        self._token = token
        self._beat = 0
        self._beaten = float("-inf")

    def take(self, tell: Callable[[str], None]) -> None:
        """Claim the sweep; SweepError where another head runs it, which takes SILENCE to see."""
        sign = self._sign()
        if sign and sign.token not in (self._token, self._earlier()):
            tell(f"Watching for {SILENCE:.0f} s whether {sign.host} still runs this sweep")
            self._outlast(sign)
        self._give_sign()

    def renew(self) -> None:
        """Give a sign of life if one is due; TakenOverError where another head has the sweep."""
        if time.monotonic() - self._beaten < BEAT:
            return
        sign = self._sign()
        if sign and sign.token != self._token:
            raise TakenOverError(
                f"{sign.host} has taken this sweep over, as it saw no sign of life from here for "
                f"{SILENCE:.0f} s; it ends here"
            )
        self._give_sign()

    def give_up(self) -> None:
        """Let the next head begin at once."""
        sign = self._sign()
        if sign and sign.token == self._token:
            self._heads.delete(self._file)

    def _outlast(self, sign: _Sign) -> None:
        until = time.monotonic() + SILENCE
        while time.monotonic() < until:
            time.sleep(LOOK)
            now = self._sign()
            if now is None:
                return
            if now != sign:
                name = self._folder.name
                raise SweepError(
                    f"sweep {name!r} is running on {now.host}; `sweep stop {name}` there ends it"
                )

    def _give_sign(self) -> None:
        self._beat += 1
        sign = _Sign(token=self._token, host=socket.gethostname(), beat=self._beat)
        self._heads.write(self._file, sign.model_dump_json().encode())
        self._beaten = time.monotonic()
        if self._folder.is_dir():
            self._own.write_text(self._token)

    def _sign(self) -> _Sign | None:
        with suppress(FileNotFoundError):
            return _Sign.model_validate_json(self._heads.read(self._file))
        return None

    def _earlier(self) -> str | None:
        """The token of the process that ran the sweep here before; only one has its lock."""
        with suppress(FileNotFoundError):
            return self._own.read_text()
        return None

"""A command that ends, with all its child processes, when its starter is gone.

    python -m sweeps.report.tether COMMAND...

does so. Its standard input is a pipe held open by the starter; the system closes the pipe however
the starter ends, even by kill -9. It has its own session, so that Ctrl-C reaches only the starter.
"""

from __future__ import annotations

import ctypes
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

_LOOK = 0.2
"""Seconds between two checks for the command's end."""

_PATIENCE = 5.0
"""Seconds for the processes to end by themselves on request."""

_PR_SET_CHILD_SUBREAPER = 36
"""Option of Linux's prctl: orphaned processes become this process's children."""


class Tethered:
    """A context in which the command runs; its output goes to `log`."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                # -P: the working folder may contain modules with these names.
                [sys.executable, "-P", "-m", "sweeps.report.tether", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=dict(env),
                start_new_session=True,
            )

    def ended(self) -> int | None:
        """The command's exit code; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._process.wait()

    def __enter__(self) -> Tethered:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.close()
        self._process.wait()


def main(command: Sequence[str]) -> int:
    """Run the command until it ends or the tether is cut; its exit code."""
    _adopt_orphans()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while process.poll() is None and not select.select([sys.stdin], [], [], _LOOK)[0]:
            pass
        return process.returncode or 0
    finally:
        _end_all()


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _adopt_orphans() -> None:
    """Become the parent of orphaned descendants; only on Linux, others miss them."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_all() -> None:
    family = psutil.Process().children(recursive=True)
    for process in family:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(family, timeout=_PATIENCE)
    while left := psutil.Process().children(recursive=True):  # they may have started others
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=_PATIENCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

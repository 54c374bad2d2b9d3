"""Ends a running sweep from another terminal."""

from __future__ import annotations

import signal
import socket
import time

import psutil

from results.records.record import SweepState
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from trainables.core.progress import NO_PROGRESS, Progress

_PATIENCE = 600.0
"""Seconds for saving running trials and completing MLflow."""


def stop(folder: SweepFolder, progress: Progress = NO_PROGRESS) -> None:
    """Save and stop the sweep, and wait for its end; SweepError if that is not possible."""
    name, holder = folder.path.name, folder.holder()
    if holder is None:
        state = folder.sweep_record().state
        if state is SweepState.RUNNING:
            raise SweepError(f"sweep {name!r} is just starting or ending; try again")
        raise SweepError(f"sweep {name!r} is not running: it is {state.value}")
    pid, host = holder
    if host != socket.gethostname():
        raise SweepError(f"sweep {name!r} runs on {host}; run `sweep stop {name}` there")
    try:
        process = psutil.Process(pid)
        if folder.holder() == holder:  # else the process of that number may be any other
            with progress.phase(f"waiting for {name} to end"):
                _end(process, name)
    except psutil.NoSuchProcess:
        pass  # it has just ended
    except psutil.AccessDenied as error:
        raise SweepError(
            f"sweep {name!r} belongs to another user (process {pid}); run `sweep stop {name}` as "
            "that user"
        ) from error


def _end(process: psutil.Process, name: str) -> None:
    process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            raise SweepError(
                f"sweep {name!r} has not ended within {_PATIENCE:.0f} s; "
                f"`kill -9 {process.pid}` ends it immediately; it can be resumed afterwards"
            )
        time.sleep(0.2)

"""Ends a running sweep from another terminal."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import suppress

import psutil

from results.record import SweepRecord, SweepState
from sweeps.errors import SweepError
from sweeps.home import SweepFolder

_PATIENCE = 600.0
"""Seconds for running trials to be saved and MLflow to be told."""


def stop(folder: SweepFolder) -> None:
    """Have the sweep saved and ended, and wait until it is; SweepError where that cannot be."""
    record = folder.sweep_record()
    if record.state is not SweepState.RUNNING or record.pid is None:
        raise SweepError(f"sweep {record.name!r} is not running: it is {record.state.value}")
    if record.host not in (None, socket.gethostname()):
        raise SweepError(
            f"sweep {record.name!r} runs on {record.host}; run `sweep stop {record.name}` there"
        )
    with suppress(psutil.NoSuchProcess):  # it has ended in this moment
        _end(psutil.Process(record.pid), record)


def _end(process: psutil.Process, record: SweepRecord) -> None:
    process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            raise SweepError(
                f"sweep {record.name!r} has not ended for {_PATIENCE:.0f} s; "
                f"`kill -9 {record.pid}` ends it at once, and it can be resumed"
            )
        time.sleep(0.2)

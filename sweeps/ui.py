"""MLflow's own UI, on loopback, over the sweep home's database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

from results.record import SweepRecord
from results.record_error import RecordError
from sweeps.errors import SweepError
from sweeps.home import SweepHome, is_from_afar


def serve(home: SweepHome, port: int) -> int:
    """Run the UI until Ctrl-C; MLflow's exit code. SweepError where there is nothing to show."""
    if not (home.path / "mlflow.db").exists():
        known = "; ".join(tracked_elsewhere(home))
        where = known or "no sweep was tracked there yet; launch one first"
        raise SweepError(f"{home.path}: {where}")
    _refuse_if_busy(port)
    server = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", home.tracking_uri, "--artifacts-destination"]
    command = [sys.executable, "-m", "mlflow", *server, *stores, home.artifacts.as_uri()]
    try:
        return subprocess.run(command, check=False, env=_silent()).returncode
    except KeyboardInterrupt:
        return 0


def _refuse_if_busy(port: int) -> None:
    """MLflow itself would try for a minute, and then end as if nothing were wrong."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise SweepError(
            f"port {port} of this machine cannot be used ({error.strerror}); choose another with "
            "--port"
        ) from error


def _silent() -> dict[str, str]:
    """MLflow reports to its makers unless told otherwise."""
    return {"MLFLOW_DISABLE_TELEMETRY": "true", **os.environ}


def tracked_elsewhere(home: SweepHome) -> Iterator[str]:
    """A sentence for each sweep of the home that is tracked by another server or database."""
    for folder in home.sweeps():
        try:
            sweep = folder.store.sweep()
        except RecordError:
            continue  # `sweep list` names it
        if not _is_here(sweep, home):
            yield f"sweep {sweep.name} is tracked elsewhere: {how_to_open(sweep, home)}"


def how_to_open(sweep: SweepRecord, home: SweepHome) -> str:
    """What to type, or to open in a browser, to see a sweep in MLflow."""
    if _is_here(sweep, home):
        where = "   (on the head node)" if is_from_afar() else ""
        return f"sweep ui{home.option()}{where}"
    uri = str(sweep.tracking_uri)
    if uri.startswith("http"):
        return f"open {uri} in a browser"
    return f"mlflow server --backend-store-uri {uri}"


def _is_here(sweep: SweepRecord, home: SweepHome) -> bool:
    return sweep.tracking_uri in (None, home.tracking_uri)

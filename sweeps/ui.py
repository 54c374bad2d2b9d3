"""MLflow's own UI, on loopback, over the sweep home's database."""

from __future__ import annotations

import subprocess
import sys

from sweeps.errors import SweepError
from sweeps.home import SweepHome


def serve(home: SweepHome, port: int) -> int:
    """Run the UI until Ctrl-C; MLflow's exit code. SweepError where nothing was tracked yet."""
    if not (home.path / "mlflow.db").exists():
        raise SweepError(f"{home.path}: no sweep was tracked there yet; launch one first")
    server = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", home.tracking_uri, "--artifacts-destination"]
    command = [sys.executable, "-m", "mlflow", *server, *stores, home.artifacts.as_uri()]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0

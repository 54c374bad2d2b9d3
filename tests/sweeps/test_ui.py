from __future__ import annotations

import socket

import pytest

from sweeps.errors import SweepError
from sweeps.home import SweepHome
from sweeps.ui import serve


def test_a_port_that_is_taken_is_told_at_once(tmp_path):
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SweepError, match=f"port {port} of this machine cannot be used"):
            serve(SweepHome(tmp_path), port)

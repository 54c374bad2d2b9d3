from __future__ import annotations

import socket

import pytest

from sweeps.cluster import cluster
from sweeps.errors import LaunchError


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    # Nobody listens there any more.
    for prefix in ("", "ray://"):
        address = f"{prefix}127.0.0.1:{port}"
        message = f"no Ray cluster answers at {address}"
        with pytest.raises(LaunchError, match=message), cluster(address):
            pass
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(LaunchError, match="no Ray cluster answers"), cluster(None):
        pass

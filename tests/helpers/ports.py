"""A port for a server that is started by its number, and maybe started again."""

from __future__ import annotations

import socket
from pathlib import Path
from random import SystemRandom

_LOWEST = 20_000
"""Above the ports of Ray's workers."""


def free_port() -> int:
    """A port of the loopback that no process has, and that the system gives to none that asks for
    any or connects to somewhere: it would, of those that it gives, until the server is up, or
    while it is down."""
    # Hypothesis makes the random numbers of all processes of a test run alike.
    ports = SystemRandom().sample(range(_LOWEST, _lowest_given()), 100)
    return next(port for port in ports if _is_free(port))


def _lowest_given() -> int:
    """The lowest port that the system gives by itself."""
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(setting.read_text().split()[0]) if setting.exists() else 49_152
    return lowest if lowest > _LOWEST + 1000 else 65_536


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

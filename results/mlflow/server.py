"""Whether a tracking or database server listens at its address. Light: no MLflow."""

from __future__ import annotations

import socket
from urllib.request import getproxies, proxy_bypass

from results.mlflow.tracking_error import TrackingError
from results.records.uris import redact, server_address

_PATIENCE = 10.0  # seconds


def check_server(uri: str) -> None:
    """TrackingError if nothing listens; MLflow would retry a database server for minutes.

    Not checked behind a proxy, where only MLflow's own attempt can tell.
    """
    server = server_address(uri)
    if server and not (uri.startswith("http") and getproxies() and not proxy_bypass(server[0])):
        try:
            socket.create_connection(server, timeout=_PATIENCE).close()
        except OSError as error:
            raise TrackingError(f"cannot reach {redact(uri)}: {error}") from None

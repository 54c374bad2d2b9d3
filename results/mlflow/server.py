"""Whether anybody listens where a tracking or database server should be. Light: no MLflow."""

from __future__ import annotations

import socket
from urllib.request import getproxies

from results.mlflow.tracking_error import TrackingError
from results.records.uris import redact, server_address

_PATIENCE = 10.0  # seconds


def check_server(uri: str) -> None:
    """TrackingError where nobody does; MLflow would try for minutes to reach a database server.

    Behind a proxy only MLflow's own attempt can tell.
    """
    server = server_address(uri)
    if server and not getproxies():
        try:
            socket.create_connection(server, timeout=_PATIENCE).close()
        except OSError as error:
            raise TrackingError(f"cannot reach {redact(uri)}: {error}") from None

"""Whether the hub can be reached at all. Its client would try for minutes, file by file."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PATIENCE = 5.0
"""Seconds for a connection."""


def hub_silence() -> str | None:
    """Why nothing can come from the hub; None if it listens, or is not to be asked.

    Not checked behind a proxy, where only the hub's own client can tell.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return None
    hub = urlsplit(constants.ENDPOINT)
    host, port = hub.hostname or "", hub.port or (80 if hub.scheme == "http" else 443)
    if getproxies() and not proxy_bypass(host):
        return None
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        return f"{constants.ENDPOINT} does not answer: {error.strerror or error}"
    return None

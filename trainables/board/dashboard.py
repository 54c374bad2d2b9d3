"""Ray's dashboard, which a Ray of one sweep does without."""

from __future__ import annotations

import socket


def has_dashboard() -> bool:
    """Whether a dashboard answers on the head of the Ray that this process is connected to.

    A Ray that ends with its sweep has none, whatever address its head notes.
    """
    from ray._private.ray_constants import DASHBOARD_ADDRESS, KV_NAMESPACE_DASHBOARD
    from ray.experimental.internal_kv import _internal_kv_get

    noted = _internal_kv_get(DASHBOARD_ADDRESS, namespace=KV_NAMESPACE_DASHBOARD)
    host, _, port = (noted or b"").decode().rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except (OSError, ValueError):
        return False
    return True

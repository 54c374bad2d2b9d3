"""Ray Train's trainer, without what slots do not use and do not wait for."""

from __future__ import annotations

import socket

from ray.train import UserCallback
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

_UNUSED = "DatasetsCallback"
"""The process that serves Train's datasets, at each start of its workers."""

_CLEANER = "PlacementGroupCleanerCallback"
"""The process that frees a run's resources if its controller dies, which the dashboard tells it."""

_CLEANERS_END = 1.0
"""Seconds for that process to end its last look, which lasts ten if the dashboard does not answer;
it ends with its look or without."""


class SlotTrainer(DataParallelTrainer):
    """Train's own callbacks, but for those above; Ray has no setting for them.

    By name: where another version of Ray has them elsewhere, slots start and end as Train does.
    """

    def _create_default_callbacks(self) -> list[UserCallback]:
        unused = {_UNUSED} if has_dashboard() else {_UNUSED, _CLEANER}
        return [
            type(each)(stop_timeout=_CLEANERS_END) if type(each).__name__ == _CLEANER else each
            for each in super()._create_default_callbacks()
            if type(each).__name__ not in unused
        ]


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

"""The process group of a slot's workers, without torch in the processes that start them."""

from __future__ import annotations

import os
import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ray.train import get_context
from ray.train.backend import Backend, BackendConfig
from ray.util import get_node_ip_address

if TYPE_CHECKING:
    from ray.train._internal.base_worker_group import BaseWorkerGroup

_PATIENCE = timedelta(minutes=30)
"""How long a rank waits for the others."""


@dataclass
class ProcessGroup(BackendConfig):
    """What Ray Train's TorchConfig does, in the workers alone.

    TorchConfig would bring torch into a slot's process on the head, too: for each slot two
    seconds until it starts, and memory of a small head. `kind` is "nccl" or "gloo".
    """

    kind: str

    @property
    def backend_cls(self) -> type[Backend]:
        """Called in Train's controller."""
        return _Starter

    @property
    def train_func_context(self) -> type[AbstractContextManager[None]]:
        """What surrounds the loop of each worker."""
        return _OnOwnDevice


class _Starter(Backend):
    share_cuda_visible_devices = True  # the GPUs of a node are to reach each other

    def on_start(self, workers: BaseWorkerGroup, group: ProcessGroup) -> None:
        """Called once the workers are there. They end together with their group."""
        host, port = workers.execute_single(0, _free_place)
        workers.execute(_join, group.kind, host, port)


def _free_place() -> tuple[str, int]:
    host = get_node_ip_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as free:
        free.bind(("", 0))
        return host, free.getsockname()[1]


def _join(kind: str, host: str, port: int) -> None:
    import torch.distributed as dist
    from ray.train.torch import get_device

    here = get_context()
    os.environ |= {
        "MASTER_ADDR": host,
        "MASTER_PORT": str(port),
        "RANK": str(here.get_world_rank()),
        "LOCAL_RANK": str(here.get_local_rank()),
        "NODE_RANK": str(here.get_node_rank()),
        "WORLD_SIZE": str(here.get_world_size()),
        "LOCAL_WORLD_SIZE": str(here.get_local_world_size()),
        "ACCELERATE_TORCH_DEVICE": str(get_device()),
    }
    dist.init_process_group(kind, timeout=_PATIENCE)


class _OnOwnDevice(AbstractContextManager[None]):
    def __enter__(self) -> None:
        import torch
        from ray.train.torch import get_device

        if torch.cuda.is_available():
            torch.cuda.set_device(get_device())

    def __exit__(self, *_: object) -> None:
        """Nothing to leave."""

"""The process group of a slot's only worker, as set up by Ray Train."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist


def join_group_of_one() -> None:
    """Set up the process group; with NCCL on a GPU."""
    os.environ |= dict.fromkeys(("RANK", "LOCAL_RANK", "NODE_RANK"), "0")
    os.environ |= dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), "1")
    cuda = torch.cuda.is_available()
    os.environ["ACCELERATE_TORCH_DEVICE"] = "cuda:0" if cuda else "cpu"
    backend = "nccl" if cuda else "gloo"
    dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)

"""Facts gathered on the machine where this runs: as a Ray task on a node, or in this process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from sweeps.preflight.facts import Facts, TorchBuild
from sweeps.preflight.nvidia import gpus
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import unreadable

DRIVER = Path("/proc/driver/nvidia/version")
SHARED_MEMORY = Path("/dev/shm")

CONTAINER = Path("/sys/fs/cgroup/memory.max")

HIDES = "CUDA_VISIBLE_DEVICES"

_PATIENCE = 60.0
"""Seconds for a fresh process to import torch."""

_BUILD = """
import json, torch
seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
print(json.dumps([torch.__version__, seen, torch.version.cuda, torch.cuda.get_arch_list()]))
"""


def gather(
    model: ModelSource | None = None, promised: bool = False, visible: str | None = None
) -> Facts:
    """The facts of this machine, and whether it can read the `model`, if given. Takes seconds.

    torch is only asked where there is a driver, or GPUs are `promised`. Of the GPUs, those are
    looked at that are `visible` by $CUDA_VISIBLE_DEVICES; None: all, since Ray hides them from a
    task that requests none.
    """
    return Facts(
        host=socket.gethostname(),
        memory=host_memory(),
        gpus=gpus(visible),
        torch=torch_build(visible) if promised or DRIVER.exists() else None,
        shared_memory=_free(SHARED_MEMORY),
        model=unreadable(model) if model else None,
    )


def host_memory(limit: Path = CONTAINER) -> int:
    """Bytes of memory of this machine, or of the container that this runs in."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(whole, int(limit.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return whole


def torch_build(visible: str | None = None) -> TorchBuild | None:
    """torch as a new process sees it; None if it cannot be imported."""
    environment = {key: value for key, value in os.environ.items() if key != HIDES}
    environment |= {} if visible is None else {HIDES: visible}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _BUILD],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        version, seen, cuda, architectures = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return TorchBuild(version, seen, cuda, tuple(architectures))


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None

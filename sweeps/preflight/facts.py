"""What a machine is: gathered by gathering.py on the machine itself, judged elsewhere. Light."""

from __future__ import annotations

from dataclasses import dataclass

Capability = tuple[int, int]


@dataclass(frozen=True)
class Holder:
    """A process with memory on a GPU."""

    pid: int
    name: str
    used: int


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver sees it; memory in bytes."""

    number: int
    name: str
    memory: int
    free: int
    capability: Capability
    driver: str
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True)
class TorchBuild:
    """torch in a fresh process: its version, the GPUs that it sees, the CUDA that it was built for
    and its kernels' architectures, such as sm_80."""

    version: str
    seen: int
    cuda: str | None
    architectures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """One machine. `torch` is None without an NVIDIA driver, or if it cannot be imported;
    `shared_memory` are the free bytes of /dev/shm, None where there is none; `memory` is its RAM;
    `model` says why the model cannot be read there.
    """

    host: str
    memory: int
    gpus: tuple[Gpu, ...] = ()
    torch: TorchBuild | None = None
    shared_memory: int | None = None
    model: str | None = None

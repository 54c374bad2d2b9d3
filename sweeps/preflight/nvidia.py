"""The GPUs of this machine by nvidia-smi, which needs no CUDA context of its own."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator, Sequence

from sweeps.preflight.facts import Capability, Gpu, Holder

_MIB = 2**20
_PATIENCE = 20.0
"""Seconds for an answer; a driver that hangs must not hang a sweep."""

_GPU = ("index", "uuid", "name", "memory.total", "memory.free", "compute_cap", "driver_version")
_HOLDER = ("gpu_uuid", "pid", "process_name", "used_memory")


def gpus(visible: str | None = None) -> tuple[Gpu, ...]:
    """The GPUs with the processes that hold memory there; empty without a driver. Of the `visible`
    ones, if given as in $CUDA_VISIBLE_DEVICES."""
    listed = _asked(f"--query-gpu={','.join(_GPU)}")
    if not listed:
        return ()
    return read_gpus(listed, _asked(f"--query-compute-apps={','.join(_HOLDER)}"), visible)


def read_gpus(listed: str, held: str, visible: str | None = None) -> tuple[Gpu, ...]:
    """The GPUs from nvidia-smi's lines; lines with fields that it does not support are left out."""
    holders: dict[str, list[Holder]] = {}
    for uuid, pid, name, used in _rows(held, len(_HOLDER)):
        if pid.isdigit() and used.isdigit():
            holders.setdefault(uuid, []).append(Holder(int(pid), name, int(used) * _MIB))
    return tuple(
        Gpu(
            int(index),
            name,
            int(memory) * _MIB,
            int(free) * _MIB,
            _capability(capability),
            driver,
            tuple(holders.get(uuid, ())),
        )
        for index, uuid, name, memory, free, capability, driver in _rows(listed, len(_GPU))
        if index.isdigit() and memory.isdigit() and free.isdigit() and _shows(visible, index, uuid)
    )


def _shows(visible: str | None, index: str, uuid: str) -> bool:
    if visible is None:
        return True
    names = [name.strip() for name in visible.split(",")]
    return any(name == index or (name and uuid.startswith(name)) for name in names)


def _capability(text: str) -> Capability:
    """(0, 0) if an old driver does not know it."""
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def _rows(text: str, width: int) -> Iterator[Sequence[str]]:
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) == width:
            yield [cell.strip() for cell in row]


def _asked(query: str) -> str:
    try:
        done = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

"""The machine of the checks: card, driver, versions, and misfits among them. Prints JSON."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from typing import Any

from packaging.requirements import Requirement

from benchmarks.gpu.flops import peak
from benchmarks.gpu.packages import requirements


def machine() -> dict[str, Any]:
    """The machine's facts by name; `notes` are for readers of the figures."""
    import torch

    versions = {
        Requirement(each).name: _installed(Requirement(each).name) for each in requirements()
    }
    cuda = torch.cuda.is_available()
    card = torch.cuda.get_device_name() if cuda else "none"
    most = peak(card, "fp16")
    return {
        "card": card,
        "memory, MiB": torch.cuda.get_device_properties(0).total_memory >> 20 if cuda else None,
        "peak, TFLOP/s": most and most / 1e12,
        "CUDA": torch.version.cuda,
        "Python": platform.python_version(),
        **versions,
        "flash_attn": _installed("flash_attn"),
        "notes": [*_unfit(), *([] if most or not cuda else [_unknown(card)])],
    }


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _unfit() -> list[str]:
    notes = []
    for requirement in map(Requirement, requirements()):
        version = _installed(requirement.name)
        if version is None:
            notes.append(f"{requirement.name} is missing; {requirement} is needed")
        elif not requirement.specifier.contains(version, prereleases=True):
            notes.append(f"{requirement.name} {version} does not fit; {requirement} is needed")
    return notes


def _unknown(card: str) -> str:
    return f"the peak of {card} is not known here, so MFU is left out; add it to flops.py"


if __name__ == "__main__":
    print(json.dumps(machine()))

"""The GPUs of cloud machines, by their types. Pure and light."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sweeps.base.errors import SweepError
from sweeps.planning.cards import Card, card

_AWS: Mapping[str, tuple[str, int]] = {
    "g4dn": ("T4", 1),
    "g5": ("A10", 1),
    "g6": ("L4", 1),
    "g6e": ("L40S", 1),
    "p3": ("V100-16", 1),
    "p3dn": ("V100", 8),
    "p4d": ("A100-40", 8),
    "p4de": ("A100", 8),
    "p5": ("H100", 8),
    "p5e": ("H200", 8),
    "p5en": ("H200", 8),
    "p6-b200": ("B200", 8),
}
"""Families of machine types: their GPU, and how many most of their sizes have."""

_AWS_SIZES: Mapping[str, int] = {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8, "metal": 8}
"""GPUs of the sizes with several, in families that begin with one."""

_AWS_OTHERS: Mapping[str, int] = {"p3.8xlarge": 4, "p3.16xlarge": 8, "p5.4xlarge": 1}

_GCP: Mapping[str, str] = {
    "a2-highgpu": "A100-40",
    "a2-megagpu": "A100-40",
    "a2-ultragpu": "A100",
    "a3-highgpu": "H100",
    "a3-megagpu": "H100",
    "a3-ultragpu": "H200",
    "a4-highgpu": "B200",
}
"""Families of machine types whose names end with the number of GPUs: `a2-highgpu-4g`."""

_L4S: Mapping[str, int] = {"24": 2, "48": 4, "96": 8}
"""GPUs of g2-standard machines by their cores; others have one."""


@dataclass(frozen=True)
class Machine:
    """A machine type, and the kind and number of GPUs that it is given besides."""

    kind: str
    accelerator: str = ""
    count: int = 1


def cards_of(machines: Mapping[str, Machine]) -> tuple[Card, ...]:
    """The cards of types of nodes, named after them; those without a known GPU are left out."""
    found = []
    for name, machine in machines.items():
        if gpu := card_of(machine):
            kind = "" if machine.kind in ("", name) else f"{machine.kind}, "
            found.append(replace(gpu, name=f"{name} ({kind}{gpu.name})"))
    return tuple(found)


def card_of(machine: Machine) -> Card | None:
    """The GPU of a machine such as `g5.12xlarge` or `a2-highgpu-1g`, and how many of them it has;
    None for one without, or of a type that is not known."""
    if machine.accelerator:
        return _named(machine.accelerator, machine.count)
    family, _, size = machine.kind.partition(".")
    if family in _AWS:
        name, count = _AWS[family]
        several = _AWS_SIZES.get(size, 1) if count == 1 else count
        return _named(name, _AWS_OTHERS.get(machine.kind, several))
    if found := re.fullmatch(r"(a\d-\w+)-(\d+)g(?:-\w+)?", machine.kind):
        return _named(_GCP.get(found[1], ""), int(found[2]))
    if found := re.fullmatch(r"g2-standard-(\d+)", machine.kind):
        return _named("L4", _L4S.get(found[1], 1))
    return None


def _named(gpu: str, count: int) -> Card | None:
    """Of a name such as `A100-40` or `nvidia-tesla-t4`."""
    try:
        return replace(card(re.sub(r"^nvidia-(tesla-)?", "", gpu)), most=count)
    except SweepError:
        return None

"""GPUs by name, with the memory that their drivers report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.base.errors import SweepError
from sweeps.planning.sizes import GIB, shown
from sweeps.spec.spec import SweepSpec
from trainables.planning.room import CONTEXT

_CARDS: Mapping[str, float] = {
    "T4": 15,
    "V100-16": 16,
    "V100": 32,
    "L4": 22.5,
    "A10": 22.5,
    "RTX3090": 24,
    "RTX4090": 24,
    "RTX5090": 32,
    "A100-40": 40,
    "A6000": 48,
    "L40S": 45,
    "A100": 80,
    "H100": 80,
    "H200": 141,
    "B200": 180,
}
"""GiB, rounded down where error correction takes a part."""

_SIZE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+|nan|inf))\s*(?:GB|GiB|G)?", re.IGNORECASE)
_OTHER_UNIT = re.compile(r"[+-]?[\d.]+\s*([KMT]i?B?|B)", re.IGNORECASE)

_LARGEST = 10_000
"""GiB; more than any GPU has, or any machine that is taken for one."""


@dataclass(frozen=True)
class Card:
    """A GPU, and its memory in bytes; or a machine without one, which is `host`. Of a type of node
    with a known number of GPUs, `most` is that."""

    name: str
    memory: int
    host: bool = False
    most: int | None = None


def card(text: str, place: str = "--gpu") -> Card:
    """The card of a name such as `H100`, or a memory such as `24GB`; SweepError lists the names."""
    key = re.sub(r"[\s_-]", "", text).upper()
    for name, memory in _CARDS.items():
        if key in (name.replace("-", ""), name.replace("-", "") + "GB"):
            return Card(name, int(memory * GIB))
    if size := _SIZE.fullmatch(text.strip()):
        return _of_size(float(size[1]), f"{place} {text!r}")
    if unit := _OTHER_UNIT.fullmatch(text.strip()):
        raise SweepError(f"{place} {text!r}: {unit[1]} is no unit here; write gigabytes, as 24GB")
    known = ", ".join(f"{name} ({memory:g} GB)" for name, memory in _CARDS.items())
    raise SweepError(f"{place} {text!r}: unknown; write a memory such as 24GB, or one of {known}")


def _of_size(size: float, place: str) -> Card:
    way_out = "write the memory of a GPU, such as 24GB"
    if not size > 0:
        raise SweepError(f"{place}: a memory must be a number above 0; {way_out}")
    if size > _LARGEST:
        raise SweepError(f"{place}: no GPU has more than {_LARGEST:,} GB; {way_out}")
    memory = int(size * GIB)
    if memory <= CONTEXT:
        raise SweepError(
            f"{place}: CUDA itself takes {shown(CONTEXT)}, which leaves nothing for a trial; "
            f"{way_out}"
        )
    return Card(f"{size:g} GB", memory)


SIZES = tuple(card(f"{size}GB") for size in (24, 40, 48, 80, 141))
"""The memories that most GPUs have."""


def named_by(spec: SweepSpec) -> Card | None:
    """A worker's share of the GPU that the spec names, if it does; SweepError if that is none."""
    if spec.slots.gpu is None:
        return None
    return share_of(card(spec.slots.gpu, "slots.gpu"), spec)


def share_of(whole: Card, spec: SweepSpec) -> Card:
    """The part of a card that one worker of the sweep has."""
    gpus = spec.slots.gpus
    share = gpus if isinstance(gpus, float) and gpus else 1.0
    return whole if share >= 1 else Card(f"{share:g} of {whole.name}", int(whole.memory * share))

"""Single tensors of a safetensors file, read without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


class Tensor(TypedDict):
    """What a file's header says of a tensor; the offsets start after the header."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def header(file: Path) -> Mapping[str, Tensor]:
    """The tensors of a file that has passed `check_model`, by name."""
    return _header(file)[1]


def finite(file: Path, name: str) -> bool:
    """Whether all numbers of a tensor are; true for types of which it is not known."""
    start, tensors = _header(file)
    tensor = tensors[name]
    first, end = tensor["data_offsets"]
    with file.open("rb") as stream:
        stream.seek(start + first)
        data = stream.read(end - first)
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        wide = np.frombuffer(data, "<u2").astype("<u4") << 16
        return bool(np.isfinite(wide.view("<f4")).all())
    kind = _TYPES.get(tensor["dtype"])
    return kind is None or bool(np.isfinite(np.frombuffer(data, kind)).all())


def _header(file: Path) -> tuple[int, dict[str, Tensor]]:
    """Where the data begin, and the tensors."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        tensors = json.loads(stream.read(length))
    return 8 + length, {name: each for name, each in tensors.items() if name != "__metadata__"}

"""What is asked of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Dtype = Literal["fp32", "fp16", "bf16"]


@dataclass(frozen=True)
class Wish:
    """`trial` None: the winner. `dtype` None: the precision in which the trial held its weights.
    `unchecked`: without measuring the export. `for_others`: who do not have this machine's folders.
    `gguf`: the model as one file for llama.cpp, too.
    """

    to: Path
    trial: int | None = None
    merge: bool = False
    dtype: Dtype | None = None
    unchecked: bool = False
    for_others: bool = False
    gguf: bool = False

"""What a sweep prepares once and every trial reads: the model's place and the token files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Inputs:
    """`model` is a folder or a hub id; `train` and `validation` are folders of token arrays."""

    model: str
    model_revision: str | None
    train: Path
    validation: Path

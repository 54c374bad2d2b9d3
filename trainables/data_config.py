"""Which data a trial learns from and is measured on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainables.frozen import Frozen, Seed


class DataConfig(Frozen):
    """Which files are learned from and measured on."""

    train: str | tuple[str, ...] = Field(description="file, or list of files")
    validation: str | Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.05, description="file, or fraction of the training records that is held out"
    )
    max_length: Annotated[int, Field(ge=8)] = Field(
        default=1024, description="tokens of a sequence; longer ones are cut (sft) or split (clm)"
    )
    seed: Seed = Field(
        default=0, description="of the split, and of the order in which all trials see the data"
    )

"""How a slot's workers share a trial's state: the settings of DeepSpeed that a sweep knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from trainables.config.deepspeed_json import adopted, read
from trainables.core.frozen import Frozen, PositiveInt

OffloadDevice = Literal["none", "cpu", "nvme"]


class DeepSpeedConfig(Frozen):
    """How a slot's workers share a trial's state.

    `config` is a DeepSpeed JSON of the user's own. What it says of the fields here is taken over
    where they are not set; what it says of anything else goes to DeepSpeed as it is. Where the two
    contradict each other, or the JSON a trial, combinations.py refuses the trial.
    """

    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2, description="0 shares nothing, 1 optimizer state, 2 + gradients, 3 + parameters"
    )
    offload_optimizer: OffloadDevice = Field(
        default="none", description="where optimizer state lies and its steps are made (ZeRO 1-3)"
    )
    offload_parameters: OffloadDevice = Field(
        default="none", description="where parameters lie while no layer needs them (ZeRO-3)"
    )
    nvme_path: str | None = Field(
        default=None, description="a folder on each worker's NVMe disk, for offloading to nvme"
    )
    quantized_weights: bool = Field(
        default=False, description="ZeRO++: gather parameters in 8 bits (Wang et al. 2023)"
    )
    quantized_gradients: bool = Field(
        default=False, description="ZeRO++: reduce gradients in 4 bits (arXiv:2306.10209)"
    )
    hierarchical_partition_size: PositiveInt = Field(
        default=1,
        description="ZeRO++: so many workers (those of a node) hold a second copy of the "
        "parameters among themselves; 1 is none",
    )
    reduce_bucket_size: PositiveInt | None = Field(
        default=None, description="elements that are reduced at once; unset: DeepSpeed's 500M"
    )
    allgather_bucket_size: PositiveInt | None = Field(
        default=None, description="elements that are gathered at once; unset: DeepSpeed's 500M"
    )
    overlap_communication: bool | None = Field(
        default=None, description="reduce while the backward pass goes on; unset: only in ZeRO-3"
    )
    config: dict[str, Any] | None = Field(
        default=None, description="the path of a DeepSpeed JSON of your own, or what it says"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_their_own(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("config") is None:
            return given
        theirs = read(given["config"])
        return {**adopted(theirs), **given, "config": theirs}

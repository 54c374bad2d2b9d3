"""DeepSpeed settings of a sweep: how a slot's workers share a trial's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from trainables.config.deepspeed_json import adopted, read
from trainables.core.frozen import Frozen, PositiveInt

OffloadDevice = Literal["none", "cpu", "nvme"]


class DeepSpeedConfig(Frozen):
    """DeepSpeed settings: how a slot's workers share a trial's state.

    `config` is the user's own DeepSpeed JSON. Its values fill the fields here that are not set;
    all other keys are passed to DeepSpeed unchanged. combinations.py refuses a trial that
    contradicts the JSON.
    """

    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2,
        description="partitioned state: 0 none, 1 optimizer, 2 + gradients, 3 + parameters",
    )
    offload_optimizer: OffloadDevice = Field(
        default="none", description="device for optimizer state and optimizer steps (ZeRO 1-3)"
    )
    offload_parameters: OffloadDevice = Field(
        default="none", description="device for parameters not in use by a layer (ZeRO-3)"
    )
    nvme_path: str | None = Field(
        default=None, description="folder on each worker's NVMe disk, for offload to nvme"
    )
    quantized_weights: bool = Field(
        default=False, description="ZeRO++: gather parameters in 8 bits (Wang et al. 2023)"
    )
    quantized_gradients: bool = Field(
        default=False, description="ZeRO++: reduce gradients in 4 bits (arXiv:2306.10209)"
    )
    hierarchical_partition_size: PositiveInt = Field(
        default=1,
        description="ZeRO++: number of workers (those of one node) that share a second copy of "
        "the parameters; 1 means no second copy",
    )
    reduce_bucket_size: PositiveInt | None = Field(
        default=None, description="elements per reduce; unset: DeepSpeed's default of 500M"
    )
    allgather_bucket_size: PositiveInt | None = Field(
        default=None, description="elements per allgather; unset: DeepSpeed's default of 500M"
    )
    overlap_communication: bool | None = Field(
        default=None, description="reduce gradients during the backward pass; unset: only in ZeRO-3"
    )
    config: dict[str, Any] | None = Field(
        default=None, description="path of your own DeepSpeed JSON, or its content as a mapping"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_their_own(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("config") is None:
            return given
        theirs = read(given["config"])
        return {**adopted(theirs), **given, "config": theirs}

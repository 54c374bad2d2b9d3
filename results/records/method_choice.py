"""What `method: auto` took."""

from __future__ import annotations

from pydantic import Field, JsonValue

from results.records.record import SweepRecord
from results.records.record_value import Count, Record


class MethodChoice(Record):
    """The method, and the `workers` of a slot; `deepspeed` settings only where those of the file,
    or the usual ones, are not enough, and `micro_batch_size` only where it had to be smaller than
    the file's. `at_once` sequences fit on a worker's `gpu`. `why` is in words."""

    method: str
    gpu: str
    workers: Count
    deepspeed: dict[str, JsonValue] = Field(default_factory=dict)
    micro_batch_size: Count | None = None
    at_once: Count
    why: str

    def __str__(self) -> str:
        """`method: auto takes lora on 1 GPU of T4, 8 of the longest sequences fit at once; ...`"""
        return f"method: auto takes {self.words}"

    @property
    def words(self) -> str:
        """`lora on 1 GPU of T4, 3 of the longest fit at once; micro_batch_size becomes 2`"""
        size = self.micro_batch_size
        smaller = f"; micro_batch_size becomes {size}" if size else ""
        return f"{self.method} {self.why}{smaller}"


def choice_of(sweep: SweepRecord) -> MethodChoice | None:
    """What a sweep with `method: auto` took; None for others."""
    return MethodChoice.model_validate(sweep.method_choice) if sweep.method_choice else None

"""A wish of a user for a sweep's trials: one more trial, or the end of one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from results.records.record_value import Count, Record, Values


class TrialRequest(Record):
    """`add`: a trial with `params`, by dotted name; a sampler draws what they leave open, and
    `cloned_from` is the trial that they were taken from. `stop`: the end of trial `number`.

    `made` is in unix seconds.
    """

    kind: Literal["add", "stop"]
    made: float
    params: Values = Field(default_factory=dict)
    cloned_from: Count | None = None
    number: Count | None = None

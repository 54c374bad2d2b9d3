"""A cap on hours below a single trial, refused as soon as it is known. Pure."""

from __future__ import annotations

from results.records.cluster_record import HOUR
from sweeps.base.errors import SweepError
from sweeps.display.duration import duration
from sweeps.spec.spec import SweepSpec

STARTING = (15.0, 45.0)
"""Seconds, about half a minute, from a launch to its first trial and from its last one to its end:
Ray, the slots, the base model, MLflow. Measured on two cores: 19 to 27 s."""


def refuse_below_start(spec: SweepSpec) -> None:
    """SweepError if budget.hours is less than any sweep takes to start."""
    hours = spec.caps.hours
    if hours is not None and hours * HOUR < STARTING[0]:
        raise SweepError(
            f"budget.hours: {hours:g} is {hours * HOUR:.3g} s, and a sweep takes about half a "
            "minute to start; raise it"
        )


def refuse_if_too_short(spec: SweepSpec, seconds: float) -> None:
    """SweepError if budget.hours is less than a trial of so many seconds needs."""
    hours = spec.caps.hours
    if hours is not None and seconds > hours * HOUR:
        raise SweepError(
            f"budget.hours: {hours:g} is below one trial, the shortest of which takes about "
            f"{duration(seconds)} on a slot like this machine; raise it, or lower the budget of a "
            "trial"
        )

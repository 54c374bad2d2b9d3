"""A sentence on a sweep that has tried every combination of its space. Pure."""

from __future__ import annotations

from results.records.record import SweepRecord


def exhausted(sweep: SweepRecord, ended: int) -> list[str]:
    """The sentence once all combinations, fewer than the trials asked for, have `ended`."""
    if sweep.asked_trials is None or ended < (sweep.budget_trials or 0):
        return []
    count = sweep.budget_trials
    tried = (
        f"All {count} combinations of the space have" if count != 1 else "Its one combination has"
    )
    return [f"{tried} been tried; budget.trials asked for {sweep.asked_trials}."]

"""Confirmed trials as cells of a table, for the terminal and the report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from results.ranking.confirmation import Confirmation, Confirmed
from results.ranking.confirmed_front import ConfirmedFront, ConfirmedPoint
from results.ranking.figures import size


@dataclass(frozen=True)
class ConfirmedRow:
    """A row; `stands` is whether the trial is tied with the best, or stays on the front."""

    cells: tuple[str, ...]
    params: Mapping[str, object]
    stands: bool


def titles(found: Confirmation | ConfirmedFront) -> list[str]:
    """The titles of the columns; `deviation` is the standard deviation between seeds, `chance` that
    of being the best."""
    if isinstance(found, ConfirmedFront):
        return ["trial", "seeds", *found.goals, "on the front"]
    return ["trial", "seeds", f"mean {found.metric}", "deviation", "first run", "chance"]


def rows(found: Confirmation | ConfirmedFront) -> list[ConfirmedRow]:
    """The confirmed trials, the best mean first."""
    if isinstance(found, ConfirmedFront):
        return [
            ConfirmedRow(_of_front(each), each.record.params, each.on_front)
            for each in found.trials
        ]
    return [
        ConfirmedRow(_of_one(each), each.record.params, bool(each.tied)) for each in found.trials
    ]


def _of_one(trial: Confirmed) -> tuple[str, ...]:
    deviation = "" if trial.deviation is None else size(trial.deviation)
    values = size(trial.mean), deviation, size(trial.first)
    return str(trial.number), str(len(trial.values)), *values, _share(trial.chance)


def _of_front(trial: ConfirmedPoint) -> tuple[str, ...]:
    means = map(size, trial.means.values())
    return str(trial.number), str(len(trial.repeats)), *means, _share(trial.chance)


def _share(chance: float | None) -> str:
    return "" if chance is None else f"{chance:.0%}"

"""What a sweep took over from earlier sweeps, in its own folder: they may be deleted."""

from __future__ import annotations

from pydantic import Field

from results.records.record import TrialStatus
from results.records.record_value import Count, Record, Values


class EarlierTrial(Record):
    """Trial `number` of `sweep` in terms of the new space, with all that a sampler is told of it:
    one of each metric's `values`, in the order of the metrics, if it is complete, and the search
    metric by evaluation point."""

    sweep: str
    number: Count
    status: TrialStatus
    params: Values
    values: tuple[float, ...] = ()
    reported: dict[int, float] = Field(default_factory=dict)


class EarlierSweep(Record):
    """Its share: the trials told to the sampler, the best as points to try first, and the number of
    trials that were not told, by reason."""

    name: str
    told: tuple[EarlierTrial, ...] = ()
    first_points: tuple[Values, ...] = ()
    not_told: dict[str, Count] = Field(default_factory=dict)

    def __str__(self) -> str:
        left = sum(self.not_told.values())
        reasons = ", ".join(f"{why}: {count}" for why, count in self.not_told.items())
        return (
            f"{self.name}: {_trials(len(self.told))} told to the sampler"
            f"{f', {left} not ({reasons})' if left else ''}; "
            f"{_trials(len(self.first_points))} to try first"
        )


class WarmStart(Record):
    """All that was taken over."""

    sweeps: tuple[EarlierSweep, ...] = ()

    @property
    def told(self) -> list[EarlierTrial]:
        """The trials told to the sampler."""
        return [trial for sweep in self.sweeps for trial in sweep.told]

    @property
    def first_points(self) -> list[Values]:
        """The points to try first, each once."""
        points = [point for sweep in self.sweeps for point in sweep.first_points]
        return [point for place, point in enumerate(points) if point not in points[:place]]


def _trials(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"

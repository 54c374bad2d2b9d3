"""A trial by itself, trained as in a slot with lanes that has no other trial."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor, Outcome
from trainables.lanes.kind import suits
from trainables.lanes.lane import Entry
from trainables.lanes.loop import Lanes
from trainables.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from trainables.training.workshop import Workshop


class LaneWorkshop(Workshop):
    """A workshop that trains in one lane whatever can share a base, and the rest as any workshop
    does."""

    def train(
        self, config: TrialConfig, monitor: Monitor, checkpoints: Checkpoints = NO_CHECKPOINTS
    ) -> Outcome:
        """Train one trial to its end; raises what the trial raises."""
        if not suits(config, self.inputs):
            return super().train(config, monitor, checkpoints)
        end = _End()
        entry = Entry(config, monitor, checkpoints, end.take, end.fail, end.go_alone)
        Lanes(self, 1).run(entry, lambda: None)
        if end.error is not None:
            raise end.error
        return end.outcome or super().train(config, monitor, checkpoints)


@dataclass
class _End:
    """How the trial ended; with neither an outcome nor an error it did not find a lane."""

    outcome: Outcome | None = None
    error: Exception | None = None

    def take(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def fail(self, error: Exception) -> None:
        self.error = error

    def go_alone(self, why: str | None) -> None:
        assert why is not None, "there is no other lane"

"""Ray Train's trainer, without the process that serves its datasets: slots have none."""

from __future__ import annotations

from ray.train import UserCallback
from ray.train.torch import TorchTrainer

_UNUSED = "DatasetsCallback"
"""By name: where another version of Ray has it elsewhere, slots start as Train does."""


class SlotTrainer(TorchTrainer):
    """At each start of its workers, Train would start that process for nothing; Ray has no setting
    against it."""

    def _create_default_callbacks(self) -> list[UserCallback]:
        made = super()._create_default_callbacks()
        return [each for each in made if type(each).__name__ != _UNUSED]

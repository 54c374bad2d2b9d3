"""Ray Train's trainer, without the process that serves its datasets: slots have none."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback


class SlotTrainer(TorchTrainer):
    """At each start of its workers, Train would start the process and wait for it, for nothing.

    Ray has no setting for it.
    """

    def _create_default_callbacks(self) -> list[Any]:
        made = super()._create_default_callbacks()
        return [each for each in made if not isinstance(each, DatasetsCallback)]

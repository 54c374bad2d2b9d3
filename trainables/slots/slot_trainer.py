"""Ray Train's trainer, without what slots do not use and do not wait for."""

from __future__ import annotations

from ray.train import UserCallback
from ray.train.torch import TorchTrainer

_UNUSED = "DatasetsCallback"
"""The process that serves Train's datasets, at each start of its workers."""

_CLEANER = "PlacementGroupCleanerCallback"
"""The process that frees a run's resources if its controller dies."""

_CLEANERS_END = 1.0
"""Seconds for that process to end its last look. A look lasts ten seconds on a Ray without a
dashboard, and Train would wait for it; the process ends with its look or without."""


class SlotTrainer(TorchTrainer):
    """Train's own callbacks, but for the above; Ray has no setting for either.

    By name: where another version of Ray has them elsewhere, slots start and end as Train does.
    """

    def _create_default_callbacks(self) -> list[UserCallback]:
        made = super()._create_default_callbacks()
        return [
            type(each)(stop_timeout=_CLEANERS_END) if type(each).__name__ == _CLEANER else each
            for each in made
            if type(each).__name__ != _UNUSED
        ]

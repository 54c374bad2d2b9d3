"""Ray Train's trainer, without what slots do not use and do not wait for.

By Train's own names, since Ray has no settings for them: where another version of Ray has a part
elsewhere, slots start and end as Train does.
"""

from __future__ import annotations

from typing import Any

from ray.train import Result, UserCallback
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from trainables.board.dashboard import has_dashboard

_UNUSED = "DatasetsCallback"
"""The process that serves Train's datasets, at each start of its workers."""

_CLEANER = "PlacementGroupCleanerCallback"
"""The process that frees a run's resources if its controller dies, which the dashboard tells it."""

_CLEANERS_END = 1.0
"""Seconds for that process to end its last look, which lasts ten if the dashboard does not answer;
it ends with its look or without."""


class SlotTrainer(DataParallelTrainer):
    """Train's own callbacks, but for those above; its controller in the process that fits it."""

    def _create_default_callbacks(self) -> list[UserCallback]:
        unused = {_UNUSED} if has_dashboard() else {_UNUSED, _CLEANER}
        return [
            type(each)(stop_timeout=_CLEANERS_END) if type(each).__name__ == _CLEANER else each
            for each in super()._create_default_callbacks()
            if type(each).__name__ not in unused
        ]

    def _initialize_and_run_controller(self, **parts: Any) -> Result:
        try:
            from trainables.slots.controller_here import LoneScaling, run
        except ImportError:
            return super()._initialize_and_run_controller(**parts)
        if not has_dashboard():
            parts["scaling_policy"] = LoneScaling(self.scaling_config)
        return run(parts)

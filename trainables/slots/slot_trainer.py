"""Ray Train's trainer, without what slots do not use and do not wait for.

By Train's own names, since Ray has no settings for them: where another version of Ray has a part
elsewhere, slots start and end as Train does.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ray.train import Result, UserCallback
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.worker_group import state, worker_group
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from trainables.slots.dashboard import has_dashboard

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
        """Run the controller here, in an actor that has nothing else to do. Train would start one
        more process for it, of two processor seconds and 200 MB."""
        _leave_out_meetings()
        if not has_dashboard():
            parts["scaling_policy"] = _LoneScaling(self.scaling_config)
        controller = TrainController(**parts)
        asyncio.run(controller.run())
        return controller.get_result()


class _LoneScaling(FixedScalingPolicy):
    """For a Ray without an autoscaler: nobody is told, by one more process, what a slot needs."""

    def _maybe_send_resource_request(self) -> None: ...

    def _send_resource_request(self) -> None: ...

    def _cancel_resource_request(self) -> None: ...


class _NoMeetings:
    """In the place of the process in which Train's workers meet to report results. Ours report to
    the board, and never meet there; if they did, they would find no such method."""

    @classmethod
    def options(cls, **_: object) -> type[_NoMeetings]:
        return cls

    @classmethod
    def remote(cls, **_: object) -> _NoMeetings:
        return cls()


def _leave_out_meetings() -> None:
    places = ((worker_group, "SynchronizationActor"), (state, "_shutdown_sync_actor"))
    if all(hasattr(*place) for place in places):
        worker_group.SynchronizationActor = _NoMeetings
        state._shutdown_sync_actor = lambda meetings: None

"""Ray Train's controller in this process, an actor that has nothing else to do.

Train would start one more process for it, and one for its workers to meet in: each of two processor
seconds and 200 MB. All by Train's own names, since Ray has no settings for it; another version of
Ray may have none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ray.train import Result
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.worker_group import state, worker_group


def run(parts: Mapping[str, Any]) -> Result:
    """Run a controller made of these parts to its end."""
    _leave_out_meetings()
    controller = TrainController(**parts)
    asyncio.run(controller.run())
    return controller.get_result()


class LoneScaling(FixedScalingPolicy):
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

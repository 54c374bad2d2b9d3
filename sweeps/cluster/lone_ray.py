"""A Ray that starts and ends with one sweep, without the processes that serve nobody there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from sweeps.base.process_state import replaced


@contextmanager
def without_onlookers() -> Iterator[None]:
    """A Ray started in the block has no autoscaler, no monitor of logs and no dashboard.

    Nothing scales here, the logs go to no terminal, and nobody opens the dashboard; yet Ray would
    start a Python process for each, three processor seconds before the first slot. Its agent does
    what it does where the dashboard is not installed. `ray.init` has no options for it.
    """
    from ray._private import node, parameter, utils

    few = partial(parameter.RayParams, no_monitor=True, include_log_monitor=False)
    reason = ImportError("a Ray of one sweep has no dashboard")
    with ExitStack() as kept:
        for owner, name, value in (
            (parameter, "RayParams", few),
            (node.Node, "start_api_server", lambda self, **_: None),
            (utils, "get_dashboard_dependency_error", lambda: reason),
        ):
            kept.enter_context(replaced(owner, name, value))
        yield

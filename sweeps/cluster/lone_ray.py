"""A Ray that starts and ends with one sweep, without the processes that serve nobody there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psutil

from sweeps.base.process_state import replaced

_GRACE = 1.0
"""Seconds in which Ray's processes end by themselves."""


@contextmanager
def lone() -> Iterator[None]:
    """A Ray started in the block serves this process alone."""
    with _without_onlookers(), _out_of_reach_of_signals():
        yield


@contextmanager
def _without_onlookers() -> Iterator[None]:
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


@contextmanager
def _out_of_reach_of_signals() -> Iterator[None]:
    """A Ray started in the block gets no signal that is meant for the group of this process.

    `timeout`, and shells that end a job, signal the group. Ray would end at once, while its sweep
    saves the running trials with it. Ray's processes end with this one by the kernel; where it has
    no way for that, Ray itself needs them in this group.
    """
    from ray._private import services, utils

    if not utils.detect_fate_sharing_support():
        yield
        return
    apart = partial(services.ConsolePopen, process_group=0)
    with replaced(services, "ConsolePopen", apart):
        yield


def shut_down() -> None:
    """End this process's own Ray, and its processes that would outlive it: the agents of a Ray that
    was interrupted at its start do so for a minute."""
    import ray

    family = list(_family())
    ray.shutdown()
    for left in psutil.wait_procs(family, timeout=_GRACE)[1]:
        with suppress(psutil.NoSuchProcess):
            left.kill()


def _family() -> Iterator[psutil.Process]:
    """The processes of the Ray that this process started; all others are the raylet's children."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if child.name() in ("gcs_server", "raylet"):
                yield from (child, *child.children(recursive=True))

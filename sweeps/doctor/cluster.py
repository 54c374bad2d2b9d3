"""Checks of a running Ray cluster: nodes, clocks, and access to storage."""

from __future__ import annotations

import platform
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeps.base.errors import CapacityError, LaunchError
from sweeps.cluster.ray_nodes import RayNode, alive_nodes, on_node
from sweeps.cluster.ray_session import cluster
from sweeps.doctor.finding import Finding, note, ok, wrong
from sweeps.doctor.gpus import check_gpus_of
from sweeps.doctor.precision import check_precision_of
from sweeps.spec.capacity import Rooms, plan_slots
from sweeps.spec.spec import SweepSpec
from sweeps.storage.storage import storage_of
from sweeps.storage.visibility import PATIENCE, SHARE, home_blind, hosts, storage_blind
from trainables.storage.remote_folder import RemoteFolder

NOTED_SKEW, WRONG_SKEW = 2.0, 60.0
"""Seconds between two clocks. Times in records come from several nodes, and cloud storage rejects
requests with clocks minutes off."""

_ROUNDS = 3
"""Number of requests to each node; the first one also starts a process there."""

_STATE_PATIENCE = 10  # seconds


@dataclass(frozen=True, slots=True)
class Look:
    """A node's answer. `skew` is the lead of its clock over ours, +- `unsure`."""

    host: str
    python: str
    skew: float
    unsure: float


def check_ray(address: str, home: Path, spec: SweepSpec | None) -> list[Finding]:
    """Findings about the cluster at `address`, "auto", HOST:PORT or http://HOST:PORT."""
    try:
        if address.startswith(("http://", "https://")):
            return [_check_jobs(address)]
        with cluster(address):
            return list(_check_cluster(home, spec))
    except LaunchError as error:
        return [wrong("ray", str(error))]


def check_clocks(looks: Sequence[Look]) -> Finding:
    """Whether the nodes' clocks agree, within the delay of their answers."""
    offset = max((abs(look.skew) - look.unsure for look in looks), default=0.0)
    if offset <= NOTED_SKEW:
        return ok("ray clocks", f"clocks of {_nodes(len(looks))} agree")
    worst = max(looks, key=lambda look: abs(look.skew) - look.unsure)
    way = "ahead of" if worst.skew > 0 else "behind"
    message = f"clock of {worst.host} is {abs(worst.skew):.0f} s {way} this machine's"
    found = wrong if offset > WRONG_SKEW else note
    return found("ray clocks", message, "synchronise the clocks (NTP) on all nodes")


def check_pythons(looks: Sequence[Look], here: str) -> Iterator[Finding]:
    """Same minor version of Python on all nodes, since pickles may not be portable."""
    for look in looks:
        if look.python.split(".")[:2] != here.split(".")[:2]:
            message = f"{look.host} runs Python {look.python}, this machine {here}"
            yield wrong("ray python", message, "use the same minor version on all nodes")


def check_home(blind: Mapping[str, str], home: Path, count: int) -> Finding:
    """Whether all nodes see the sweep home. `blind`: host -> why not."""
    if not blind:
        return ok("ray storage", f"{_nodes(count)} see the sweep home {home}")
    return wrong("ray storage", _listed(blind), SHARE)


def check_shared(blind: Mapping[str, str], storage: RemoteFolder, count: int) -> Finding:
    """Whether all nodes can use the storage in the spec."""
    if not blind:
        return ok("ray storage", f"{_nodes(count)} can write to {storage}")
    remedy = "start Ray with the storage's credentials on every node"
    return wrong("ray storage", _listed(blind), remedy)


def _listed(blind: Mapping[str, str]) -> str:
    return "; ".join(f"{host}: {why}" for host, why in blind.items())


def _check_jobs(address: str) -> Finding:
    from sweeps.remote.job import connected

    with connected(None, address):
        return ok("ray", f"the job server at {address} answers")


def _check_cluster(home: Path, spec: SweepSpec | None) -> Iterator[Finding]:
    import ray

    nodes = alive_nodes()
    resources = ray.cluster_resources()
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    yield ok("ray", f"{_nodes(len(nodes))} with {cpus:g} CPUs and {gpus:g} GPUs")
    if spec is not None:
        yield _check_slots(spec, [node["Resources"] for node in nodes])
    yield _check_state_api()
    yield from check_gpus_of(nodes)
    if spec is not None:
        yield from check_precision_of(hosts(nodes, spec.slots.gpus), spec)
    looks: list[Look] = []
    for node in nodes:
        try:
            looks.append(_look(node))
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            message = f"{node['NodeManagerHostname']} failed to run a task: {reason}"
            yield wrong("ray nodes", message, "install this code and its packages on every node")
    yield check_clocks(looks)
    yield from check_pythons(looks, platform.python_version())
    if spec is not None and (storage := storage_of(spec)):
        yield check_shared(storage_blind(nodes, storage), storage, len(nodes))
    elif len(nodes) > 1:  # a single node shares nothing
        yield check_home(home_blind(nodes, home), home, len(nodes))


def _check_slots(spec: SweepSpec, rooms: Rooms) -> Finding:
    try:
        count, size = plan_slots(spec.slots, rooms, spec.trials)
    except CapacityError as error:
        remedy = "set slots.max to wait for workers that join later, e.g. {max: 4, gpus: 1}"
        return wrong("ray slots", str(error), remedy)
    growing = " at most, as the cluster grows" if spec.slots.max else ""
    return ok("ray slots", f"{count} of {size}{growing}")


def _check_state_api() -> Finding:
    import ray
    from ray.util.state import list_nodes
    from ray.util.state.exception import RayStateApiException

    address = ray.get_runtime_context().gcs_address
    try:
        count = len(list_nodes(address=address, timeout=_STATE_PATIENCE))
    except (RayStateApiException, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition(". ")[0]
        message = f"the dashboard's state API does not answer ({reason})"
        return note("ray dashboard", message, "start the head with `--include-dashboard=true`")
    return ok("ray dashboard", f"its state API answers and lists {_nodes(count)}")


def _look(node: RayNode) -> Look:
    """Ask a node; the fastest of several answers gives its clock most precisely."""
    import ray

    task, looks = on_node(node, _answer), []
    for _ in range(_ROUNDS):
        asked = time.time()
        host, python, clock = ray.get(task.remote(), timeout=PATIENCE)
        unsure = (time.time() - asked) / 2
        looks.append(Look(host, python, clock - asked - unsure, unsure))
    return min(looks, key=lambda look: look.unsure)


def _answer() -> tuple[str, str, float]:
    """Runs on the node."""
    return socket.gethostname(), platform.python_version(), time.time()


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"

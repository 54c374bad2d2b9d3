"""Checks of a running Ray cluster: nodes, clocks, and access to storage."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sweeps.base.errors import CapacityError, LaunchError
from sweeps.cluster.ray_nodes import alive_nodes
from sweeps.cluster.ray_session import cluster
from sweeps.doctor.precision import check_precision_of
from sweeps.preflight.finding import Finding, Level, note, ok, wrong
from sweeps.preflight.gpus import check_count
from sweeps.preflight.looks import Look, check_clocks, check_pythons, counted, look
from sweeps.preflight.machines import check_machine
from sweeps.preflight.needs import hub_model, needs_of
from sweeps.preflight.nodes import NodeAnswer, ask
from sweeps.spec.capacity import Rooms, plan_slots
from sweeps.spec.spec import SweepSpec
from sweeps.storage.storage import storage_of
from sweeps.storage.visibility import SHARE, home_blind, hosts, storage_blind
from trainables.storage.remote_folder import RemoteFolder

_STATE_PATIENCE = 10  # seconds


def check_ray(address: str, home: Path, spec: SweepSpec | None) -> list[Finding]:
    """Findings about the cluster at `address`, "auto", HOST:PORT or http://HOST:PORT."""
    try:
        if address.startswith(("http://", "https://")):
            return [_check_jobs(address)]
        with cluster(address):
            return list(_check_cluster(home, spec))
    except LaunchError as error:
        return [wrong("ray", str(error))]


def check_machines(answers: Sequence[NodeAnswer], spec: SweepSpec | None) -> list[Finding]:
    """Findings about the nodes; those that did not answer are told by another check."""
    known = [(answer.facts, answer.offer) for answer in answers if answer.facts]
    if spec is None:
        found = [each for facts, offer in known for each in check_count(facts, offer)]
    else:
        needs = needs_of(spec)
        found = [each for facts, offer in known for each in check_machine(facts, needs, offer)]
    total = sum(offer.gpus for _, offer in known)
    if total and not any(each.level is Level.WRONG for each in found):
        found.append(ok("gpus", f"torch sees all {total:g} GPUs on their nodes"))
    told = (each for each in found if each.level is not Level.OK or each.check == "gpus")
    return [replace(each, check=f"ray {each.check}") for each in told]


def check_home(blind: Mapping[str, str], home: Path, count: int) -> Finding:
    """Whether all nodes see the sweep home. `blind`: host -> why not."""
    if not blind:
        return ok("ray storage", f"{counted(count)} see the sweep home {home}")
    return wrong("ray storage", _listed(blind), SHARE)


def check_shared(blind: Mapping[str, str], storage: RemoteFolder, count: int) -> Finding:
    """Whether all nodes can use the storage in the spec."""
    if not blind:
        return ok("ray storage", f"{counted(count)} can write to {storage}")
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
    yield ok("ray", f"{counted(len(nodes))} with {cpus:g} CPUs and {gpus:g} GPUs")
    if spec is not None:
        yield _check_slots(spec, [node["Resources"] for node in nodes])
    yield _check_state_api()
    yield from check_machines(ask(nodes, hub_model(spec) if spec else None), spec)
    if spec is not None:
        yield from check_precision_of(hosts(nodes, spec.slots.gpus), spec)
    looks: list[Look] = []
    for node in nodes:
        try:
            looks.append(look(node))
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

    from trainables.board.dashboard import has_dashboard

    if not has_dashboard():  # its state API would be waited for, 40 seconds long
        return _no_dashboard("no dashboard answers")
    address = ray.get_runtime_context().gcs_address
    try:
        count = len(list_nodes(address=address, timeout=_STATE_PATIENCE))
    except (RayStateApiException, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition(". ")[0]
        return _no_dashboard(f"the dashboard's state API does not answer ({reason})")
    return ok("ray dashboard", f"its state API answers and lists {counted(count)}")


def _no_dashboard(message: str) -> Finding:
    return note("ray dashboard", message, "start the head with `--include-dashboard=true`")

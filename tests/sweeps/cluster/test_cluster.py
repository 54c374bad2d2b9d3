from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_address

import pytest
from ports import free_port

from sweeps.base.errors import LaunchError
from sweeps.cluster.ray_session import cluster


@pytest.fixture
def unconnected(monkeypatch):
    """As if no test before had connected this process to a Ray."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)


def test_a_cluster_that_does_not_answer_is_told_at_once(unconnected, monkeypatch):
    port = free_port()
    for prefix in ("", "ray://"):
        address = f"{prefix}127.0.0.1:{port}"
        message = f"no Ray cluster answers at {address}"
        with pytest.raises(LaunchError, match=message), cluster(address):
            pass
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(LaunchError, match="no Ray cluster answers"), cluster(None):
        pass


def test_a_ray_that_takes_too_long_to_start_is_told(unconnected, monkeypatch):
    def init(**options):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr("ray.init", init)
    message = "timed out during startup; this machine may be overloaded: run the command again"
    with pytest.raises(LaunchError, match=message), cluster(None):
        pass


LISTENERS = """
import logging, os, psutil, ray
from ray._private import node, parameter, ray_constants, utils, worker
from ray.tune.execution import class_cache
from sweeps.cluster.ray_session import cluster

ONLOOKERS = ("dashboard.py", "log_monitor.py", "monitor.py")

def state():
    log = logging.getLogger("ray")
    formats = [(each, each.formatter) for each in log.handlers]
    patched = ray_constants.ENABLE_RAY_CLUSTER, worker.print_to_stdstream, formats, log.level
    start = parameter.RayParams, node.Node.start_api_server, utils.get_dashboard_dependency_error
    return dict(os.environ), set(class_cache.ENV_VARS_TO_PROPAGATE), patched, start

before = state()
with cluster(None):
    assert state() != before
    ray.get(ray.remote(lambda: 1).remote())
    here = psutil.Process()
    for each in [here, *here.children(recursive=True)]:
        for socket in each.net_connections("inet"):
            if socket.status == psutil.CONN_LISTEN:
                print(socket.laddr.ip)
    commands = [" ".join(each.cmdline()) for each in here.children(recursive=True)]
    told = [name for name in ONLOOKERS if any(name in command for command in commands)]
    assert told == [], "it starts no process that it does not need"
    assert any("raylet" in command for command in commands)
assert state() == before, "the process is afterwards as it was"
"""


@pytest.mark.ray
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Ray does so by itself")
def test_a_ray_that_is_started_here_is_small_and_listens_on_loopback_only_and_leaves_no_trace():
    free = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", LISTENERS], capture_output=True, text=True, check=True, env=free
    )
    addresses = {ip_address(line) for line in done.stdout.split()}
    plain = {getattr(each, "ipv4_mapped", None) or each for each in addresses}
    assert plain and all(each.is_loopback for each in plain), done.stdout

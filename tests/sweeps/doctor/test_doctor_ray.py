from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from short_folder import short_folder
from spec_samples import toy_tree

from sweeps.doctor.cluster import check_home, check_ray
from sweeps.preflight.finding import Level
from sweeps.preflight.looks import Look, check_clocks, check_pythons
from sweeps.spec.spec import SweepSpec

HOME = Path("/shared/sweeps")


def look(host="here", python="3.11.7", skew=0.0, unsure=0.01) -> Look:
    return Look(host, python, skew, unsure)


@pytest.mark.parametrize(
    ("skew", "unsure", "level"),
    [
        (0.0, 0.01, Level.OK),
        (-1.9, 0.01, Level.OK),
        (30.0, 29.0, Level.OK),  # the answer took a minute: nothing can be told
        (-30.0, 0.5, Level.NOTE),
        (3600.0, 0.5, Level.WRONG),
    ],
)
def test_clocks(skew, unsure, level):
    finding = check_clocks([look(), look("there", skew=skew, unsure=unsure)])
    assert finding.level is level
    if level is not Level.OK:
        way = "ahead of" if skew > 0 else "behind"
        assert f"clock of there is {abs(skew):.0f} s {way} this machine's" in finding.message


def test_another_minor_version_of_python_is_wrong():
    looks = [look(), look("other", python="3.12.1"), look("patch", python="3.11.9")]
    (finding,) = check_pythons(looks, "3.11.7")
    assert (finding.level, finding.message.split()[0]) == (Level.WRONG, "other")


def test_a_home_that_a_node_does_not_see_is_wrong():
    finding = check_home({"blind": "what lies there is not seen"}, HOME, 2)
    assert finding.level is Level.WRONG
    assert finding.message == "blind: what lies there is not seen"
    assert check_home({}, HOME, 2).level is Level.OK


@pytest.mark.ray
def test_a_cluster_that_is_up_is_fine_and_nothing_is_left_behind(ray_cluster, tmp_path):
    spec = SweepSpec.parse(toy_tree())
    home = tmp_path / "home"
    findings = check_ray("auto", home, spec)
    told = {finding.check: finding for finding in findings}
    assert [each for each in findings if each.level is Level.WRONG] == []
    assert told["ray"].message == "1 node with 2 CPUs and 0 GPUs"
    assert told["ray slots"].message.startswith("1 of 1 worker")
    assert told["ray clocks"].level is Level.OK
    assert told["ray dashboard"].level is Level.NOTE, "this Ray has none"
    assert "--include-dashboard=true" in told["ray dashboard"].remedy
    assert "ray gpus" not in told
    assert not home.exists()
    assert ray_cluster.is_initialized()


@pytest.mark.ray
def test_slots_that_the_cluster_does_not_hold_are_wrong(ray_cluster, tmp_path):
    spec = SweepSpec.parse(toy_tree(slots={"count": 2, "gpus": 1}))
    told = {finding.check: finding for finding in check_ray("auto", tmp_path, spec)}
    assert told["ray slots"].level is Level.WRONG
    assert "slots.max" in str(told["ray slots"])


@pytest.mark.ray
def test_a_dashboard_that_answers_is_fine(ray_cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.board.dashboard.has_dashboard", lambda: True)
    monkeypatch.setattr("ray.util.state.list_nodes", lambda **_: ["a node", "another"])
    told = {finding.check: finding for finding in check_ray("auto", tmp_path, None)}
    assert str(told["ray dashboard"]) == "its state API answers and lists 2 nodes"


@pytest.mark.ray
def test_a_dashboard_whose_state_api_does_not_answer_is_noted(ray_cluster, tmp_path, monkeypatch):
    def no_answer(**_):
        raise RuntimeError("Failed to make request. Is it up?")

    monkeypatch.setattr("trainables.board.dashboard.has_dashboard", lambda: True)
    monkeypatch.setattr("ray.util.state.list_nodes", no_answer)
    told = {finding.check: finding for finding in check_ray("auto", tmp_path, None)}
    assert told["ray dashboard"].level is Level.NOTE
    assert "(Failed to make request)" in told["ray dashboard"].message


TWO_NODES = """
import sys
from ray.cluster_utils import Cluster
little = {"object_store_memory": 10**8}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **little})
cluster.add_node(num_cpus=1, **little)
cluster.wait_for_nodes()
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture
def guarded(tmp_path):
    """The address of a cluster of two nodes that asks for a token, and an environment with it."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 4)
    log = tmp_path / "cluster.log"
    with short_folder() as short, log.open("w") as errors:
        (short / "ray").mkdir()  # Cluster writes there, and does not make it
        environment = os.environ | {
            "RAY_TMPDIR": str(short),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
        }
        command = [sys.executable, "-c", TWO_NODES]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with subprocess.Popen(command, env=environment, text=True, **pipes) as started:
            address = started.stdout.readline().strip()
            assert address, log.read_text()
            yield address, environment
            started.communicate()


def run_doctor(address, environment, home):
    command = [sys.executable, "-m", "sweeps.cli", "doctor", "--address", address]
    return subprocess.run(
        [*command, "--home", str(home)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.cluster
@pytest.mark.ci
def test_a_cluster_of_two_nodes_is_looked_at_with_its_token_and_not_without(guarded, tmp_path):
    address, environment = guarded
    done = run_doctor(address, environment, tmp_path / "home")
    assert done.returncode == 0, done.stdout
    assert "2 nodes with 1 CPUs and 0 GPUs" in done.stdout
    assert "2 nodes see the sweep home" in done.stdout
    assert not list((tmp_path / "home").iterdir())
    done = run_doctor(address, environment | {"RAY_AUTH_TOKEN": "no" * 32}, tmp_path / "home")
    assert done.returncode == 2
    assert f"Ray did not start at {address}" in done.stdout
    assert "RAY_AUTH_MODE=token" in done.stdout

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ports import free_port
from spec_samples import toy_tree
from typer.testing import CliRunner

from results.mlflow.tracking import Tracker
from sweeps.cli.app import app
from sweeps.doctor.machine import (
    LEAST_ROOM,
    SOME_ROOM,
    check_disk,
    check_gpus,
    check_packages,
    check_python,
    check_tracking,
    check_versions,
)
from sweeps.preflight.finding import Level
from sweeps.spec.spec import SweepSpec


def levels(findings) -> list[Level]:
    return [finding.level for finding in findings]


@pytest.mark.parametrize(
    ("found", "wanted", "level"),
    [
        ("3.11.0", ">=3.11", Level.OK),
        ("3.10.9", ">=3.11", Level.WRONG),
        ("3.15.0rc1", ">=3.11", Level.OK),
        ("4.0.1", ">=3.11,<4", Level.WRONG),
    ],
)
def test_python_is_held_to_its_range(found, wanted, level):
    assert check_python(found, wanted).level is level


def test_packages_are_held_to_their_ranges():
    installed = {"torch": "2.9.1", "optuna": "5.0.0", "ray": "2.60.0"}
    wanted = ["torch>=2.10", "optuna>=5.0", "ray[default,tune]>=2.60", "rich>=14"]
    wanted += ["trl>=1.16; extra == 'dev'", "pywin32>=1; sys_platform == 'win32'"]
    said = [str(each) for each in check_packages(wanted, installed.get)]
    assert said == [
        "torch 2.9.1, required: >=2.10; pip install -c constraints.txt 'torch>=2.10'",
        "rich is not installed, required: >=14; pip install -c constraints.txt 'rich>=14'",
    ]
    (fine,) = check_packages(wanted[1:3], installed.get)
    assert str(fine) == "all 2 packages are within their version ranges"


def test_what_these_tests_run_on_is_fine():
    assert set(levels(check_versions())) <= {Level.OK, Level.NOTE}


@pytest.mark.parametrize(
    ("room", "level"),
    [
        (LEAST_ROOM - 1, Level.WRONG),
        (LEAST_ROOM, Level.NOTE),
        (SOME_ROOM, Level.OK),
    ],
)
def test_room_on_disk(tmp_path, room, level):
    assert check_disk(tmp_path / "not" / "yet", lambda folder: room).level is level
    assert not list(tmp_path.iterdir())


def test_an_mlflow_that_does_not_answer_is_wrong_and_keeps_its_secrets(tmp_path):
    uri = f"http://user:hunter2@127.0.0.1:{free_port()}"
    finding = check_tracking(uri)
    assert finding.level is Level.WRONG
    assert "refused" in finding.message and "hunter2" not in str(finding)


def test_databases(tmp_path):
    assert check_tracking(None).level is Level.OK
    assert check_tracking(f"sqlite:///{tmp_path}/new.db").level is Level.OK
    assert check_tracking(f"sqlite:///{tmp_path}/nowhere/new.db").level is Level.WRONG
    (tmp_path / "text.db").write_text("this is no database, but a text of some length")
    assert check_tracking(f"sqlite:///{tmp_path}/text.db").level is Level.WRONG
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.db"]


def test_an_mlflow_that_answers_is_fine(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    Tracker(uri, "any")
    assert (check_tracking(uri).level, check_tracking(uri).message) == (Level.OK, f"{uri} answers")


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def run(*arguments, tree=None):
        if tree is not None:
            path = tmp_path / "sweep.yaml"
            path.write_text(yaml.safe_dump(tree))
            arguments = (str(path), *arguments)
        return CliRunner().invoke(app, ["doctor", *arguments])

    return run


def test_it_says_one_line_for_each_check_and_ends_well(doctor):
    done = doctor(tree=toy_tree())
    assert done.exit_code == 0, done.output
    *lines, last = done.output.splitlines()
    assert last == "Nothing is wrong."
    checks = {line.split()[1]: line.split()[0] for line in lines}
    assert checks["python"] == checks["spec"] == checks["mlflow"] == "ok"
    assert checks["gpu"] == "note"


def test_it_looks_at_the_sweep_as_it_would_be_launched_with_changes(doctor):
    done = doctor("--set", "slots.gpus=1", "--set", "budget.trials=+2", tree=toy_tree())
    assert done.exit_code == 2
    assert "slots.gpus is 1, but this machine has none" in done.output
    assert "toy: 8 trials" in done.output
    wrong = doctor("--set", "serach.seed=1", tree=toy_tree())
    assert wrong.exit_code == 2 and "did you mean search?" in wrong.output


def test_changes_of_no_sweep_file_are_refused(doctor):
    done = doctor("--set", "slots.gpus=1")
    assert done.exit_code == 2 and "--set: needs a sweep file" in done.output


def test_mistakes_in_the_spec_end_in_exit_code_2(doctor):
    done = doctor(tree=toy_tree(serach={}))
    assert done.exit_code == 2
    assert "wrong spec" in done.output and "did you mean search?" in done.output
    assert done.output.splitlines()[-1].startswith("1 of ")


def test_gpus_that_are_not_there_are_wrong_here_and_not_on_a_cluster(doctor):
    tree = toy_tree(slots={"gpus": 1, "count": 1})
    assert "slots.gpus is 1, but this machine has none" in doctor(tree=tree).output
    cluster = str(Path(__file__).parents[3] / "cluster.yaml")
    assert "slots.gpus is 1" not in doctor("--cluster", cluster, tree=tree).output


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many GPUs that torch sees, with and without NVIDIA's driver."""

    def pretend(cards: int, driver: bool, visible: str | None = None):
        gpu = SimpleNamespace(name="NVIDIA A10G", total_memory=24 * 10**9)
        monkeypatch.setattr("torch.cuda.is_available", lambda: cards > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: cards)
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda number: gpu)
        there = Path("/" if driver else "/none")
        monkeypatch.setattr("sweeps.doctor.machine.Path", lambda path: there)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return pretend


@pytest.mark.parametrize(
    ("cards", "driver", "visible", "level", "words"),
    [
        (2, True, None, Level.OK, "NVIDIA A10G, 24.0 GB"),
        (
            0,
            True,
            None,
            Level.WRONG,
            "torch sees no GPU, although this machine has an NVIDIA driver",
        ),
        (0, True, "", Level.NOTE, "CUDA_VISIBLE_DEVICES hides"),
        (0, False, None, Level.NOTE, "trials run on the CPU"),
    ],
)
def test_gpus_of_this_machine(machine, cards, driver, visible, level, words):
    machine(cards, driver, visible)
    found = list(check_gpus(None))
    assert len(found) == max(cards, 1)
    assert {finding.level for finding in found} == {level}
    assert all(words in finding.message for finding in found)
    wanted = SweepSpec.parse(toy_tree(slots={"gpus": 1, "count": 1}))
    missing = [
        finding for finding in check_gpus(wanted) if "this machine has none" in finding.message
    ]
    assert bool(missing) is (not cards and not driver)


@pytest.mark.parametrize(("slots", "noted"), [({}, True), ({"max": 4, "gpus": 1}, False)])
def test_a_sweep_that_would_not_wait_for_workers_is_noted(doctor, slots, noted):
    cluster = str(Path(__file__).parents[3] / "cluster.yaml")
    output = doctor("--cluster", cluster, tree=toy_tree(slots=slots)).output
    assert ("slots: {max: 4, gpus: 1}" in output) is noted


def test_scripts_get_json(doctor, tmp_path):
    done = doctor("--json", "--cluster", str(tmp_path / "none.yaml"))
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert list(told) == ["wrong", "findings"]
    wrong = [each for each in told["findings"] if each["level"] == "wrong"]
    assert told["wrong"] == len(wrong) == 1
    assert list(wrong[0]) == ["check", "level", "message", "remedy"]
    assert "the file does not exist" in wrong[0]["message"]


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_a_cluster_that_does_not_answer_is_wrong(doctor, address, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # by the tests before this one
    done = doctor("--address", address.format(free_port()))
    assert done.exit_code == 2
    assert "wrong ray" in done.output and "answers at" in done.output


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's file system")
def test_a_home_that_cannot_be_written_to_is_wrong():
    assert check_disk(Path("/proc/nothing")).level is Level.WRONG

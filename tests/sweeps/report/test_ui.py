from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from urllib.request import urlopen

import psutil
import pytest
from books import sweep_command
from finished_sweeps import ended_trial, write_ended
from ports import free_port
from spec_samples import toy_tree
from typer.testing import CliRunner

from results.mlflow.runs import MlflowRuns
from results.mlflow.tracking import Tracker
from sweeps.base.errors import SweepError
from sweeps.books.books import new_record
from sweeps.cli.app import app
from sweeps.home.home import FROM_AFAR, SweepHome
from sweeps.report import ui
from sweeps.report.ui import how_to_open, serve
from sweeps.spec.spec import SweepSpec


def test_from_afar_it_is_said_where_the_ui_is(tmp_path, monkeypatch):
    sweep, home = new_record(SweepSpec.parse(toy_tree()), None), SweepHome(tmp_path)
    assert how_to_open(sweep, home) == f"sweep ui toy --home {tmp_path}"
    monkeypatch.setenv(FROM_AFAR, " --cluster cluster.yaml")
    assert how_to_open(sweep, home) == f"sweep ui toy --home {tmp_path}   (on the head node)"


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(ui, "Tethered", None)
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SweepError, match=f"port {port} of this machine is not available"):
            serve(SweepHome(tmp_path), port)
        done = CliRunner().invoke(app, ["ui", "--home", str(tmp_path), "--port", str(port)])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> SweepHome:
    """Three experiments: the one in the middle has the latest run, the last one has none."""
    home = SweepHome(tmp_path_factory.mktemp("home"))
    runs = MlflowRuns(home.tracking_uri)
    assert runs.newest_experiment() is None
    ids = [runs.open_experiment(name, None) for name in ("first", "second", "third")]
    for started, experiment in enumerate(ids[:2], 1):
        runs.create(experiment, "a", {}, float(started))
    return home


def test_the_newest_experiment_is_the_one_with_the_latest_run(home):
    runs = MlflowRuns(home.tracking_uri)
    names = runs.experiments()
    assert names[runs.newest_experiment()] == "second"


def test_a_server_that_does_not_run_is_one_message_with_its_log(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").touch()
    script = "echo starting; echo 'boom: no such table'; exit 1"
    monkeypatch.setattr(ui, "_command", lambda home, port: ["sh", "-c", script])
    arguments = ["ui", "--home", str(tmp_path), "--port", str(free_port())]
    done = CliRunner().invoke(app, arguments)
    log = tmp_path / "mlflow-server.log"
    assert done.exit_code == 2
    assert done.stderr == (
        f"Error: the MLflow server has exited: boom: no such table; full output: {log}\n"
    )
    assert log.read_text() == "starting\nboom: no such table\n"


KILLS = [pytest.mark.chaos, pytest.mark.ci]


@pytest.mark.endtoend
@pytest.mark.parametrize(
    ("how", "code"),
    [
        (signal.SIGINT, 0),
        pytest.param(signal.SIGTERM, 143, marks=KILLS),
        pytest.param(signal.SIGKILL, -9, marks=KILLS),
    ],
)
def test_the_terminal_has_the_address_alone_and_nothing_is_left_of_the_server(
    home, tmp_path, how, code
):
    port = free_port()
    command = sweep_command("ui", "--port", str(port), home=home.path)
    said = tmp_path / "said.txt"
    with said.open("w") as file:
        it = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        until = time.monotonic() + 200
        while "http" not in said.read_text():
            assert it.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        family = psutil.Process(it.pid).children(recursive=True)
        assert len(family) >= 2
        assert "<title>MLflow</title>" in urlopen(f"http://127.0.0.1:{port}/").read().decode()
        os.kill(it.pid, how)
        assert it.wait(timeout=60) == code
        _, left = psutil.wait_procs(family, timeout=60)
        assert not left
    finally:
        it.kill()
        it.wait()
    experiment = MlflowRuns(home.tracking_uri).newest_experiment()
    address = f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs"
    *waited, last = said.read_text().splitlines()
    assert last == f"MLflow UI with the latest runs: {address}   (Ctrl-C stops it)"
    assert waited[0] == "Starting the MLflow UI"
    assert all(line.startswith("Starting the MLflow UI") for line in waited), "a slow start says so"
    socket.create_server(("127.0.0.1", port)).close()


def told(tmp_path, name: str) -> str:
    done = CliRunner().invoke(app, ["ui", name, "--home", str(tmp_path)])
    assert done.exit_code == 2 and "Traceback" not in done.output
    return " ".join(done.output.split())


def test_a_sweep_without_a_view_is_told_why(tmp_path):
    folder = write_ended(tmp_path, [ended_trial(0, "complete", {"learning_rate": 1e-4}, 2.0)])
    assert "no sweep 'missing'" in told(tmp_path, "missing")
    assert "mlflow.db does not exist" in told(tmp_path, "ended")
    MlflowRuns(SweepHome(tmp_path).tracking_uri)
    assert "MLflow has no run of it" in told(tmp_path, "ended")
    elsewhere = folder.store.sweep().with_changes(tracking_uri="sqlite:////elsewhere/mlflow.db")
    folder.store.write_sweep(elsewhere)
    assert "is tracked elsewhere: mlflow server" in told(tmp_path, "ended")


def test_a_sweeps_page_is_that_of_its_view(tmp_path, monkeypatch):
    folder = write_ended(tmp_path, [ended_trial(0, "complete", {"learning_rate": 1e-4}, 2.0)])
    home = SweepHome(tmp_path)
    tracker = Tracker(home.tracking_uri, "winnow")
    parent = tracker.start_sweep(folder.store.sweep(), "name: ended", 1)
    folder.store.write_sweep(folder.store.sweep().with_changes(run_id=parent))
    shown = []
    monkeypatch.setattr(ui, "serve", lambda home, port, page: shown.append(page) or 0)
    assert ui.show_sweep(home, "ended", 5000) == 0
    (page,) = shown
    assert page.startswith("/#/experiments/") and page.endswith(f"=winnow-{parent[:16]}")

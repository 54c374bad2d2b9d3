"""Ray's own launcher over ssh, a sweep from outside, and a host that is switched off meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template
from subprocess import CompletedProcess, Popen

import pytest
import yaml
from hosts import Host, Hosts, why_not
from optuna import load_study
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from results.mlflow.tracking import read_sweep
from results.records.record import SweepState, TrialRecord, TrialStatus
from sweeps.home.home import SweepHome

pytestmark = [pytest.mark.cluster]

HERE = Path(__file__).parent
CODE = HERE.parents[1]
TRIALS = 12
SPEC = {
    "name": "outside",
    "model": "toy",
    "objective": "toy",
    "budget": {"trials": TRIALS, "evaluations": 4},
    "search": {"seed": 1, "early_stopping": "none"},
    "space": {"learning_rate": {"log_uniform": [1e-6, 1e-1]}, "lora.rank": {"choice": [4, 16]}},
    "toy": {"seconds": 1.0},
    "slots": {"max": 2, "min": 2, "gpus": 0, "cpus": 1},
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    work = tmp_path_factory.mktemp("hosts")
    (work / "storage").mkdir()
    # A virtual environment's own Python may lie in a home folder, which the hosts do not see.
    shown = dict.fromkeys([str(CODE), sys.prefix, sys.base_prefix, f"rw:{work / 'storage'}"])
    made = Hosts(work / "net", ["head", "worker1", "worker2"], list(shown))
    yield made, work / "storage"
    made.close()


@pytest.fixture(scope="module")
def cluster(hosts):
    """Brought up by `ray up` with token authentication; its file is on the client."""
    made, storage = hosts
    text = Template((HERE / "cluster_local.yaml").read_text()).safe_substitute(
        HEAD=made.addresses["head"],
        WORKERS=f"{made.addresses['worker1']}, {made.addresses['worker2']}",
        BIN=f"{sys.prefix}/bin",
        CODE=str(CODE),
        STORAGE=str(storage),
    )
    for name, content in (("cluster.yaml", text), ("sweep.yaml", yaml.safe_dump(SPEC))):
        made.client.run("tee", f"/root/{name}", input=content, text=True, capture_output=True)
    token = (
        "umask 077; mkdir -p ~/.ray; ray get-auth-token --generate >/dev/null; chmod 600 ~/.ray/*"
    )
    made.client.run("bash", "-c", token)
    up = typed(made, "ray up -y cluster.yaml")
    assert up.returncode == 0 and "error" not in up.stdout.lower()
    yield made
    typed(made, "ray down -y cluster.yaml")


def outside(command: str) -> list[str]:
    """What a user types on the client."""
    setting = f"export RAY_AUTH_MODE=token RAY_UP_enable_autoscaler_v2=0 PYTHONPATH={CODE}"
    return ["bash", "-c", f"cd ~ && {setting} && {command}"]


def typed(made: Hosts, command: str) -> CompletedProcess:
    """Such a command, when it is done."""
    return made.client.run(*outside(command), text=True, capture_output=True, check=False)


@contextmanager
def started(host: Host, command: str, log: Path) -> Iterator[Popen]:
    """A command that runs on the client; it is gone afterwards."""
    with log.open("w") as file, host.start(*outside(command), stdout=file, stderr=file) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.ci
def test_a_sweep_from_outside_survives_the_loss_of_a_host(cluster, hosts):
    made, storage = hosts
    log = storage / "launch.log"
    command = "sweep launch sweep.yaml --cluster cluster.yaml"
    with started(made.client, command, log) as following:
        wait_for(lambda: "trial 1 " in log.read_text(), following)
        made.hosts["worker2"].power_off()
        wait_for(lambda: "trial 4 " in log.read_text(), following)
        made.boot("worker2")
        assert following.wait(timeout=400) == 0, log.read_text()
    records = check_books(storage, "outside")
    assert max(record.attempts for record in records) == 2, "one trial was on the host"


def test_a_sweep_survives_a_raylet_that_is_killed_and_a_link_that_is_cut(cluster, hosts):
    made, storage = hosts
    log = storage / "cut.log"
    command = "sweep launch sweep.yaml --name cut --cluster cluster.yaml"
    with started(made.client, command, log) as following:
        wait_for(lambda: "trial 1 " in log.read_text(), following)
        made.hosts["worker2"].run("pkill", "-9", "-x", "raylet")
        wait_for(lambda: "trial 4 " in log.read_text(), following)
        made.link("worker1", "down")
        wait_for(lambda: "trial 8 " in log.read_text(), following)
        made.link("worker1", "up")
        assert following.wait(timeout=400) == 0, log.read_text()
    # A trial that was on both of them, too: nodes are not its fault.
    assert max(record.attempts for record in check_books(storage, "cut")) in (2, 3)
    assert "(raylet)" not in log.read_text(), "that is for Ray's own logs"


def test_a_sweep_is_looked_at_and_stopped_from_outside(cluster, hosts):
    made, storage = hosts
    log = storage / "long.log"
    command = "sweep launch sweep.yaml --name long --set budget.trials=500 --cluster cluster.yaml"
    with started(made.client, command, log) as following:
        wait_for(lambda: "trial 0 " in log.read_text(), following)
    # Who follows it has gone away; the sweep has not.
    for command, said in (
        ("sweep status long --cluster cluster.yaml", "long: running"),
        ("sweep stop long --cluster cluster.yaml", "long: interrupted"),
        ("sweep list --cluster cluster.yaml", "long"),
    ):
        done = typed(made, command)
        assert done.returncode == 0 and said in done.stdout, (command, done.stdout, done.stderr)
    wrong = typed(made, "RAY_AUTH_MODE=disabled sweep list --cluster cluster.yaml")
    assert wrong.returncode == 2 and "token" in wrong.stderr


def check_books(storage: Path, name: str) -> list[TrialRecord]:
    """Folder, MLflow and Optuna have each trial once, and complete."""
    folder = SweepHome(storage).sweep(name)
    records = folder.store.trials()
    assert [record.number for record in records] == list(range(TRIALS))
    assert {record.status for record in records} == {TrialStatus.COMPLETE}
    assert folder.store.sweep().state is SweepState.COMPLETE
    assert read_sweep(f"sqlite:///{storage / 'mlflow.db'}", name)[1] == records
    journal = JournalStorage(JournalFileBackend(str(folder.journal)))
    study = load_study(study_name=name, storage=journal)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * TRIALS
    return records


def wait_for(condition, process, seconds=400) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended early"
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.5)

"""The script for SLURM, with commands of SLURM that run everything on this machine.

What is real: the script, Ray as two nodes with a token, the sweep, the signal.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from spec_samples import toy_tree

from results.records.record import SweepState, TrialStatus
from sweeps.home.home import SweepHome

SCRIPT = Path(__file__).parents[2] / "docs/cluster/slurm.sh"

COMMANDS = {
    # A node's command runs here; its options are SLURM's own.
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "scontrol": '[ "$1 $2 $3" = "show hostnames node[1-2]" ] && printf "node1\\nnode2\\n"',
    "hostname": "echo 127.0.0.1 10.255.255.1",
    "sweep": f'exec {sys.executable} -m sweeps.cli "$@"',
    "python": f'exec {sys.executable} "$@"',
    "ray": f'exec {sys.executable} -m ray.scripts.scripts "$@"',
}


def test_the_script_is_one_that_bash_reads():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)


def test_shellcheck_finds_nothing():
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("needs shellcheck")
    subprocess.run([checker, str(SCRIPT)], check=True)


@pytest.fixture
def job(tmp_path):
    """Starts the script as SLURM's batch step does, in the folder of the submission."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    slurm = {
        "SLURM_JOB_NAME": "toy",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
        "RAY_TMPDIR": "/tmp",
    }

    def start(number: int) -> subprocess.Popen[str]:
        environment = {**os.environ, **slurm, "SLURM_JOB_ID": str(os.getpid() * 10 + number)}
        environment["PATH"] = f"{commands}:{environment['PATH']}"
        command = [str(SCRIPT), "toy.yaml"]
        with (tmp_path / f"slurm-{number}.out").open("w") as log:
            return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)

    return start


@pytest.mark.cluster
def test_a_job_that_is_ended_early_is_continued_by_the_next_one(job, tmp_path):
    tree = toy_tree(
        budget={"trials": 6, "evaluations": 4},
        toy={"seconds": 2.0},
        slots={"count": 2, "cpus": 1, "gpus": 0},
    )
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(tree))
    folder = SweepHome(tmp_path / ".winnow").sweep("toy")
    first = job(1)
    try:
        wait_until(lambda: any(t.measurements for t in trials_of(folder)), first, tmp_path)
    finally:
        first.send_signal(signal.SIGTERM)
    assert first.wait(120) == 130, output(tmp_path)
    assert folder.sweep_record().state is SweepState.INTERRUPTED
    second = job(2)
    assert second.wait(240) == 0, output(tmp_path)
    assert [trial.status for trial in folder.trials()] == [TrialStatus.COMPLETE] * 6
    cluster = folder.store.cluster()
    assert len(cluster.nodes) == 2 and len(cluster.slots) == 2
    assert {node for slot in cluster.slots for node in slot.nodes} == {
        node.id for node in cluster.nodes
    }


def trials_of(folder):
    return folder.store.trials() if folder.books.exists() else []


def wait_until(holds, process, tmp_path):
    until = time.monotonic() + 240
    while not holds():
        assert process.poll() is None and time.monotonic() < until, output(tmp_path)
        time.sleep(0.5)


def output(tmp_path):
    files = sorted([*tmp_path.glob("slurm-*.out"), *tmp_path.glob("ray-*.log")])
    return "\n".join(f"== {file.name}\n{file.read_text()[-3000:]}" for file in files)

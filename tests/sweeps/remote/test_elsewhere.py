"""Commands on a cluster, with a job server that runs what it is given in a shell of its own."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from event_samples import lines
from job_server import JobServer, connect_to
from rich.console import Console
from spec_samples import toy_tree
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.remote.client import INTERRUPTED, Elsewhere
from sweeps.spec.spec import SweepSpec

SWEEP = """#!/bin/sh
echo "INFO job_manager.py: Ray's own word"
echo "sweep $@ | $SWEEP_TERMINAL |$SWEEP_FROM_AFAR"
if [ -f sweep.yaml ]; then cat events.txt sweep.yaml; fi
exit 3
"""


class Jobs(JobServer):
    """A job server whose `sweep` tells what it was given."""

    piece = 7

    def __init__(self, folder: Path):
        home = {"SWEEP_HOME": str(folder / "home")}
        super().__init__(folder, SWEEP, {"PATH": os.environ["PATH"], **home})
        self.events = ""

    def submit_job(self, entrypoint, submission_id, runtime_env, entrypoint_resources):
        if sent := runtime_env.get("working_dir"):
            (Path(sent) / "events.txt").write_text(self.events)
        self.run(entrypoint, sent)
        return submission_id


@pytest.fixture
def jobs(tmp_path, monkeypatch) -> Jobs:
    made = Jobs(tmp_path)
    connect_to(made, monkeypatch)
    return made


def terminal(**options) -> Console:
    return Console(file=io.StringIO(), width=100, **options)


def test_a_command_is_run_there_with_its_words_and_its_exit_code(jobs, capsys):
    there = Elsewhere(Path("my cluster.yaml"), None, Path("/its/home"))
    assert there.run(["status", "a b"]) == 3
    way = " --cluster 'my cluster.yaml' --home /its/home"
    assert capsys.readouterr().out == f"sweep status a b --home /its/home |  |{way}\n"


def test_a_launch_is_sent_and_a_pipe_gets_its_lines(jobs, capsys):
    there = Elsewhere(None, "http://head:8265", None)
    assert there.launch(SweepSpec.parse(toy_tree()), terminal()) == 3
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "sweep launch sweep.yaml |  | --address http://head:8265"
    assert SweepSpec.parse(toy_tree()).text().splitlines() == rest


def test_a_terminal_gets_the_table(jobs, monkeypatch):
    jobs.events = "\n".join(lines()) + "\n"
    console = terminal(force_terminal=True, color_system=None)
    monkeypatch.setattr("sweeps.remote.client.make_console", lambda: console)
    there = Elsewhere(None, "http://head:8265", None)
    assert there.launch(SweepSpec.parse(toy_tree()), console) == 3
    shown = console.file.getvalue()
    assert "sweep launch sweep.yaml | 100 |" in shown
    assert "best so far  eval_loss 2.5000  trial 0" in shown
    assert 'sweep_event": "changed' not in shown
    assert "name: toy" in shown, "what comes after the table"


def test_a_connection_that_is_lost_leaves_the_sweep_running(jobs, monkeypatch):
    async def lost(job):
        yield "trial 0"
        raise RuntimeError("WebSocket connection closed unexpectedly with close code 1006")

    monkeypatch.setattr(jobs, "tail_job_logs", lost)
    console = terminal()
    there = Elsewhere(Path("c.yaml"), None, None)
    assert there.follow(["resume", "toy"], "toy", console) == INTERRUPTED
    said = console.file.getvalue()
    assert "cluster lost (WebSocket connection closed" in said and "sweep status toy" in said


def test_ctrl_c_leaves_the_sweep_running(jobs, monkeypatch):
    async def interrupted(job):
        yield "trial 0"
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "tail_job_logs", interrupted)
    console = terminal()
    there = Elsewhere(Path("c.yaml"), None, None)
    assert there.follow(["resume", "toy"], "toy", console) == INTERRUPTED
    assert "sweep stop toy --cluster c.yaml" in console.file.getvalue()


def test_ctrl_c_before_anything_was_sent_leaves_nothing_running(jobs, monkeypatch):
    def interrupted(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "submit_job", interrupted)
    console = terminal()
    with pytest.raises(KeyboardInterrupt):
        Elsewhere(Path("c.yaml"), None, None).follow(["resume", "toy"], "toy", console)
    assert "goes on" not in console.file.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ["add", "toy", "lora.target_modules=[q_proj, v_proj]"],
        ["clone", "toy", "3", "lora.rank=8"],
        ["stop", "toy", "3"],
    ],
)
def test_requests_for_trials_are_made_where_the_sweep_runs(jobs, words):
    options = ["--address", "http://head:8265"]
    done = CliRunner().invoke(app, ["trial", *words, *options], env={"COLUMNS": "200"})
    assert done.exit_code == 3, "as there"
    assert f"sweep trial {' '.join(words)} | " in done.output

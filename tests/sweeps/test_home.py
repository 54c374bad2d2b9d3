from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from results.record import SweepRecord, SweepState
from sweeps.errors import SweepError
from sweeps.home import SweepHome


def running(pid: int) -> SweepRecord:
    return SweepRecord(
        name="a", state="running", metric="eval_loss", mode="min", created=0.0, pid=pid
    )


def test_the_home_is_the_option_then_the_variable_then_here(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_HOME", raising=False)
    assert SweepHome.find().path == tmp_path / ".winnow"
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "b"))
    assert SweepHome.find().path == tmp_path / "b"
    assert SweepHome.find(Path("c")).path == tmp_path / "c"


def test_a_name_can_be_claimed_once(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.claim()
    with pytest.raises(SweepError, match=r"there is a sweep 'a' already; .*--name"):
        folder.claim()


def test_an_unknown_sweep_is_refused_with_those_that_are_there(tmp_path: Path):
    home = SweepHome(tmp_path)
    home.sweep("a").store.write_sweep(running(1))
    with pytest.raises(SweepError, match=r"no sweep 'b' in .*; sweeps there: a"):
        home.existing("b")


def test_a_sweep_whose_process_is_gone_was_interrupted(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running(os.getpid()))
    assert folder.sweep_record().state is SweepState.RUNNING
    gone = subprocess.Popen(["true"])
    gone.wait()
    folder.store.write_sweep(running(gone.pid))
    assert folder.sweep_record().state is SweepState.INTERRUPTED

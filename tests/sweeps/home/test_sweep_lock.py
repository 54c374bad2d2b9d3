from __future__ import annotations

import fcntl
import shutil
import time
from types import SimpleNamespace

import pytest

from sweeps.base.errors import SweepError
from sweeps.home import sweep_lock as module
from sweeps.home.home import SweepFolder, SweepHome


@pytest.fixture
def folder(tmp_path) -> SweepFolder:
    folder = SweepHome(tmp_path).sweep("a")
    folder.take_name()
    (folder.path / "lock").touch()
    return folder


def sleeping(monkeypatch, sleep):
    """What is done in the place of each pause, here and in no other thread."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr(module, "time", clock)


def test_status_checks_one_after_the_other_keep_nobody_from_a_sweep(folder, monkeypatch):
    checks = [(folder.path / "lock").open() for _ in range(5)]
    for check in checks:
        fcntl.flock(check, fcntl.LOCK_SH)
    sleeping(monkeypatch, lambda seconds: checks.pop().close())
    with folder.held():
        assert not checks and folder.holder() is not None


def test_a_status_check_that_hangs_is_not_waited_for_for_ever(folder, monkeypatch):
    monkeypatch.setattr(module, "_CHECKS", 0.02)
    with (folder.path / "lock").open() as check:
        fcntl.flock(check, fcntl.LOCK_SH)
        with pytest.raises(SweepError, match="sweep 'a' is running"), folder.held():
            pass


def test_a_holder_is_not_waited_for_even_beside_status_checks(folder, monkeypatch):
    sleeping(monkeypatch, None)
    with folder.held(), pytest.raises(SweepError, match="sweep 'a' is running"), folder.held():
        pass


def test_a_name_that_is_freed_before_it_is_locked_is_refused(folder, monkeypatch):
    take_name = SweepFolder.take_name

    def freed(folder):
        take_name(folder)
        shutil.rmtree(folder.path)

    monkeypatch.setattr(SweepFolder, "take_name", freed)
    with pytest.raises(SweepError, match="sweep 'a' already exists"), folder.named():
        pass


def test_a_name_that_is_freed_as_it_is_locked_is_refused(folder, monkeypatch):
    flock = fcntl.flock

    def freed(file, how):
        flock(file, how)
        shutil.rmtree(folder.path)

    monkeypatch.setattr(fcntl, "flock", freed)
    with pytest.raises(SweepError, match="sweep 'a' already exists"), folder.named():
        pass

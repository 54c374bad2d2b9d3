"""What was sent to a cluster stays as long as its sweep does."""

from __future__ import annotations

import os
import time

import pytest
from spec_samples import toy_tree

from sweeps.books import new_record
from sweeps.home import SweepHome
from sweeps.shipment import clear_out
from sweeps.spec import SweepSpec


@pytest.fixture
def home(tmp_path) -> SweepHome:
    return SweepHome(tmp_path)


def sent(home, name, days):
    folder = home.sent / name
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").touch()
    then = time.time() - days * 86400
    os.utime(folder, (then, then))
    return folder


def launched_from(home, folder, monkeypatch):
    monkeypatch.chdir(folder)
    sweep = home.sweep("toy")
    sweep.path.mkdir(parents=True)
    sweep.store.write_sweep(new_record(SweepSpec.parse(toy_tree()), None))
    return sweep


def test_what_no_sweep_was_launched_from_goes_after_a_day(home, monkeypatch):
    launched, failed, fresh = sent(home, "a", 9), sent(home, "b", 2), sent(home, "c", 0)
    launched_from(home, launched, monkeypatch)
    clear_out(home)
    assert (launched / "sweep.yaml").exists()
    assert fresh.exists()
    assert not failed.exists()


def test_beside_a_sweep_that_cannot_be_read_all_stays(home, monkeypatch):
    launched = sent(home, "a", 9)
    launched_from(home, launched, monkeypatch).books.write_text("{")
    clear_out(home)
    assert launched.exists()


def test_a_home_to_which_nothing_was_sent(home):
    clear_out(home)

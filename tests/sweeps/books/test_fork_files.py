"""Forks in a sweep's folder are there as long as a trial may begin at one."""

from __future__ import annotations

import pytest

from results.ranking.shared import Shared, shared_by_branches
from results.records.branch import Branch
from results.records.record import TrialRecord, TrialStatus
from sweeps.books.fork_files import ForkFiles
from sweeps.home.home import SweepHome


def record(number, status, trunk=0, siblings=(0, 1, 2), **branch):
    others = tuple(each for each in siblings if each != number)
    found = Branch(trunk=trunk, siblings=others, **branch)
    return TrialRecord(
        sweep="x", number=number, status=status, branch=found, tokens=100, seconds=2.0
    )


@pytest.fixture
def folder(tmp_path):
    folder = SweepHome(tmp_path).sweep("x")
    for trunk in ("0000", "0003"):
        (folder.forks / trunk / "5-abc").mkdir(parents=True)
    return folder


def test_the_forks_of_a_trunk_go_with_its_last_trial(folder):
    files = ForkFiles(folder)
    files.drop([record(0, TrialStatus.COMPLETE), record(1, TrialStatus.RUNNING)])
    files.drop([record(1, TrialStatus.PRUNED)])
    assert (folder.forks / "0000").is_dir(), "trial 2 has not begun, and has no record"
    files.drop([record(2, TrialStatus.DIVERGED)])
    assert [path.name for path in folder.forks.iterdir()] == ["0003"]
    files.drop([record(3, TrialStatus.COMPLETE, 3, (3,))])
    assert not folder.forks.exists()


def test_an_interrupted_branch_keeps_its_forks_over_a_resume(folder):
    ended = [record(0, TrialStatus.COMPLETE), record(1, TrialStatus.COMPLETE)]
    files = ForkFiles(folder)  # as of a new process, which hears of all trials first
    files.drop([*ended, record(2, TrialStatus.INTERRUPTED)])
    assert (folder.forks / "0000").is_dir()
    files.drop([record(2, TrialStatus.COMPLETE)])
    assert not (folder.forks / "0000").exists()


def test_what_was_trained_once_is_counted_once():
    trials = [
        record(0, TrialStatus.COMPLETE),
        record(1, TrialStatus.COMPLETE, steps=7, seconds=3.0, tokens=70),
        record(2, TrialStatus.COMPLETE, steps=9, seconds=4.0, tokens=90),
    ]
    assert shared_by_branches(trials) == Shared(7.0, 160, 16, 2)
    assert [(trial.whole_tokens, trial.whole_seconds) for trial in trials] == [
        (100, 2.0),
        (170, 5.0),
        (190, 6.0),
    ]

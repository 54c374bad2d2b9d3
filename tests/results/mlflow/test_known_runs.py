from __future__ import annotations

from results.mlflow.known_runs import KnownRuns


def test_a_trial_surely_lacks_a_run_once_under_a_parent_that_is_known():
    known = KnownRuns()
    assert not known.lacks("unread", 0), "it may have a run from before"
    known.are("new")
    assert known.lacks("new", 0) and known.lacks("new", "confirmation-0")
    assert not known.lacks("new", 0), "the first call may have taken effect"
    assert not known.lacks("unread", 1)


def test_a_parent_that_was_read_tells_of_each_trial():
    known = KnownRuns()
    known.are("read", [0, 2])
    assert [known.lacks("read", number) for number in range(4)] == [False, True, False, True]

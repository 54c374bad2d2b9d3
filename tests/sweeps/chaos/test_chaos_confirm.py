"""A confirmation that is killed or interrupted goes on with the seeds that it lacks."""

from __future__ import annotations

import signal

import pytest
from books import (
    check_books,
    folder_of,
    history,
    kill_driver,
    output_of,
    started,
    sweep,
    wait_until,
    winners_of,
)
from spec_samples import toy_tree

from results.records.record import TrialStatus

pytestmark = pytest.mark.chaos

NAME = "toy"


def tree() -> dict:
    return toy_tree(
        budget={"trials": 3, "evaluations": 4},
        toy={"seconds": 0.4, "noise": 0.05},
        slots={"count": 2},
        confirm={"top": 2, "seeds": 3},
    )


def repeats(home):
    return folder_of(home, NAME).confirmations.trials()


def in_the_middle(home) -> bool:
    """At least two repeats have ended, and others are under way with some evaluations."""
    statuses = [record.status for record in repeats(home)]
    open_ones = [r for r in repeats(home) if r.status is TrialStatus.RUNNING and r.measurements]
    return statuses.count(TrialStatus.COMPLETE) >= 2 and bool(open_ones)


@pytest.mark.ci
@pytest.mark.parametrize("by", ["kill -9", "Ctrl-C"])
def test_a_confirmation_cut_short_is_resumed_where_it_was(tmp_path, by):
    with started(tree(), tmp_path, until="toy: ") as process:
        wait_until(lambda: in_the_middle(tmp_path))
        if by == "Ctrl-C":
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=120) == 130, output_of(tmp_path)
            assert "sweep resume toy" in output_of(tmp_path)
        else:
            kill_driver(process)
    ended = [r for r in repeats(tmp_path) if r.status.ended]
    left = [r for r in folder_of(tmp_path, NAME).repeats() if not r.status.ended]
    assert len(ended) >= 2 and left and {r.status for r in left} == {TrialStatus.INTERRUPTED}
    searched = history(folder_of(tmp_path, NAME).store.trials())
    # Its search has ended, so confirming goes on as resuming does.
    done = sweep("resume" if by == "Ctrl-C" else "confirm", NAME, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert history(check_books(tmp_path, NAME, trials=3).store.trials()) == searched
    done = repeats(tmp_path)
    wanted = 2 * 3  # the file's numbers, for the command as well
    assert history([r for r in done if r.number in {e.number for e in ended}]) == history(ended)
    assert {r.status for r in done} == {TrialStatus.COMPLETE}
    assert all([m.point for m in r.measurements] == [1, 2, 3, 4] for r in done)
    pairs = [(r.confirms, r.repeat) for r in done]
    assert len(pairs) == len(set(pairs)) == wanted
    told = winners_of(tmp_path, NAME)["confirmation"]["trials"]
    assert sum(len(trial["seeds"]) for trial in told) == wanted


def test_a_running_sweep_is_not_confirmed(tmp_path):
    """The message names it, and the way out."""
    with started(tree(), tmp_path, until="toy: "):
        done = sweep("confirm", NAME, home=tmp_path)
    assert done.returncode != 0
    assert "sweep 'toy' is running" in done.stderr and "sweep stop toy" in done.stderr
    assert "Traceback" not in done.stderr

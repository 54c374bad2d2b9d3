"""The state of a sweep in words."""

from __future__ import annotations

import pytest
from finished_sweeps import ended_trial, write_ended
from rich.console import Console

from results.records.cluster_record import ClusterRecord, LaneRecord, SlotRecord
from results.records.prior import Prior
from sweeps.report.status import list_row, show_status


def shown(folder, cluster=None) -> str:
    console = Console(width=100, record=True, force_terminal=False)
    show_status(console, folder.store.sweep(), folder.store.trials(), folder, cluster)
    return console.export_text()


@pytest.mark.parametrize(
    ("status", "loss", "head"),
    [("diverged", 9.0, "ended: complete, without a winner"), ("complete", 1.0, "ended: complete")],
)
def test_a_sweep_whose_trials_all_diverged_is_not_just_complete(tmp_path, status, loss, head):
    trials = [ended_trial(n, status, {"learning_rate": 1e-3}, loss) for n in range(2)]
    folder = write_ended(tmp_path, trials)
    assert shown(folder).splitlines()[0] == head
    assert (list_row(folder)[-1] == "no winner") is (status == "diverged")


def test_the_priors_are_named_by_the_record(tmp_path):
    trials = [ended_trial(0, "complete", {"learning_rate": 1e-3}, 1.0)]
    lora = [("learning_rate", 3e-4, "lora"), ("lora.rank", 16, "lora")]
    known = [*lora, ("learning_rate", 2e-5, "full")]
    priors = [Prior(name=name, value=value, method=method) for name, value, method in known]
    assert "prior:" not in shown(write_ended(tmp_path / "without", trials))
    folder = write_ended(tmp_path / "with", trials, priors=tuple(priors))
    assert (
        "prior: method lora with learning_rate 0.0003 and lora.rank 16; "
        "method full with learning_rate 2e-05" in shown(folder).splitlines()
    )


@pytest.mark.parametrize(
    ("statuses", "budget", "left"),
    [
        (["complete", "interrupted"], 8, " (1 trial goes on, 6 trials begin)"),
        (["interrupted", "interrupted"], 3, " (2 trials go on, 1 trial begins)"),
        (["complete", "complete"], 2, ""),
    ],
)
def test_an_interrupted_sweep_says_what_a_resume_would_train(tmp_path, statuses, budget, left):
    trials = [ended_trial(n, each, {"learning_rate": 1e-3}, 1.0) for n, each in enumerate(statuses)]
    folder = write_ended(tmp_path, trials, state="interrupted", budget_trials=budget)
    (line,) = [each for each in shown(folder).splitlines() if each.startswith("to resume: ")]
    assert line.startswith("to resume: sweep resume ended")
    assert line.endswith(left) and ("(" in line) is bool(left)


def test_running_trials_that_no_slot_has_taken_yet_are_named(tmp_path):
    trials = [ended_trial(n, "running", {"learning_rate": 1e-3}, 1.0) for n in range(4)]
    folder = write_ended(tmp_path, trials, state="running", ended=None, budget_trials=4)
    beside = (LaneRecord(job="3"),)
    slot = SlotRecord(name="slot-0", up=True, job="1", beside=beside)
    said = "waiting for a slot or a lane: trial 0, 2"
    assert said in shown(folder, ClusterRecord(at=0.0, slots=(slot,))).splitlines()
    both = SlotRecord(name="slot-1", up=True, job="0", beside=(LaneRecord(job="2"),))
    assert "waiting for" not in shown(folder, ClusterRecord(at=0.0, slots=(slot, both)))

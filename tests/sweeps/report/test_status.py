"""The state of a sweep in words."""

from __future__ import annotations

import pytest
from finished_sweeps import ended_trial, write_ended
from rich.console import Console

from results.records.prior import Prior
from sweeps.report.status import list_row, show_status


def shown(folder) -> str:
    console = Console(width=100, record=True, force_terminal=False)
    show_status(console, folder.sweep_record(), folder.trials(), folder)
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

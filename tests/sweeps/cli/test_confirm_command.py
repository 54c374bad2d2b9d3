"""`sweep confirm` refuses what cannot be confirmed, by name and with the way out; no Ray starts."""

from __future__ import annotations

import os

import pytest
from finished_sweeps import ended_trial, write_ended
from spec_samples import problems_of, toy_tree
from typer.testing import CliRunner

from sweeps.cli.app import app

COMPLETE = ended_trial(0, "complete", {"learning_rate": 1e-3, "lora.rank": 4}, 2.0, 1.3)


def refused(home, *words) -> str:
    done = CliRunner().invoke(app, ["confirm", *words, "--home", str(home)])
    assert done.exit_code != 0 and "Traceback" not in done.output
    return " ".join(done.output.split())


def test_a_running_sweep_is_named_with_the_way_out(tmp_path):
    folder = write_ended(tmp_path, [COMPLETE], budget_trials=1)
    ended = folder.store.sweep()
    with folder.held():
        folder.store.write_sweep(ended.with_changes(state="running", ended=None))
        said = refused(tmp_path, "ended")
    assert "sweep 'ended' is running" in said and "sweep stop ended" in said


def test_an_ended_sweep_that_an_export_holds_is_not_called_running(tmp_path):
    folder = write_ended(tmp_path, [COMPLETE], budget_trials=1)
    with folder.held():
        said = refused(tmp_path, "ended")
    assert f"'ended' is in use by another command (process {os.getpid()} on " in said
    assert "wait for its end" in said and "is running" not in said and "sweep stop" not in said


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([COMPLETE.with_changes(status="interrupted")], "`sweep resume ended"),
        ([COMPLETE.with_changes(status="failed", error="x")], "no complete trial to confirm"),
    ],
)
def test_a_search_without_an_end_or_a_winner_is_named(tmp_path, records, expected):
    write_ended(tmp_path, records, budget_trials=1)
    assert expected in refused(tmp_path, "ended")


def test_unknown_names_and_impossible_numbers(tmp_path):
    assert "no sweep 'nothing'" in refused(tmp_path, "nothing")
    write_ended(tmp_path, [COMPLETE], budget_trials=1)
    assert "--seeds" in refused(tmp_path, "ended", "--seeds", "1")
    assert "--top" in refused(tmp_path, "ended", "--top", "0")


@pytest.mark.parametrize(
    ("confirm", "expected"),
    [
        ({"seeds": 1}, "confirm.seeds: "),
        ({"top": 0}, "confirm.top: "),
        ({"tops": 3}, "confirm.tops: "),
        (3, "confirm: "),
    ],
)
def test_a_section_that_cannot_be_is_a_mistake_of_the_file(confirm, expected):
    (problem,) = problems_of(toy_tree(confirm=confirm))
    assert problem.startswith(expected)

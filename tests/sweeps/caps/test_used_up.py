"""Caps of which nothing is left: said with the cap to raise, before anything starts for nothing."""

from __future__ import annotations

import io

import pytest
from books import launch_here, sweep_here
from finished_sweeps import ended_trial, sweep_tree, write_ended
from rich.console import Console
from spec_samples import toy_tree

from results.records.cluster_record import ClusterRecord
from results.records.spending import spent
from sweeps.base.errors import LaunchError
from sweeps.caps.used_up import raised, used_up
from sweeps.home.home import SweepHome
from sweeps.report.going_on import resume_command
from sweeps.report.status import show_status
from sweeps.run.what_is_left import refuse_if_used_up
from sweeps.spec.spec import SweepSpec

TRIALS = [ended_trial(n, "complete", {"learning_rate": 1e-3}, 2.0, 1.5) for n in range(2)]
HOUR = 3600.0


def status_of(folder):
    console = Console(width=100, record=True, file=io.StringIO())
    show_status(console, folder.sweep_record(), folder.trials(), folder, None)
    return console.export_text()


@pytest.mark.parametrize(
    ("limit", "had", "value"),
    [(2.0, 1.9, "4"), (0.02, 0.0249, "0.045"), (0.02, 0.5, "0.52"), (1e8, 2e8, "300000000")],
)
def test_a_raised_cap_leaves_at_least_as_much_as_the_cap_was(limit, had, value):
    assert raised(limit, had) == value
    assert float(value) >= limit + min(had, limit)


def test_a_cap_spent_to_the_last_token_is_used_up():
    had = {"hours": 1.0, "gpu_hours": 0.0, "cost": 0.0, "trained_tokens": 64000.0}
    assert used_up({"hours": 2.0, "trials": 1.0}, had) is None
    assert used_up({"hours": 2.0, "trained_tokens": 64000.0}, had).why == (
        "64,000 of 64,000 tokens are spent"
    )


def interrupted(tmp_path, hours, trials=TRIALS, **changes):
    fields = {"created": 1000.0, "ended": 1000.0 + hours * HOUR, "caps": {"hours": 2.0}, **changes}
    return write_ended(tmp_path, trials, state="interrupted", **fields)


def test_the_way_on_of_an_interrupted_sweep_raises_the_cap_that_is_spent(tmp_path):
    folder = interrupted(tmp_path, hours=2.5)
    assert "to resume: sweep resume ended --set budget.hours=4.5" in status_of(folder)
    left = interrupted(tmp_path / "other", hours=1.5)
    assert resume_command(left.sweep_record(), left).startswith("sweep resume ended")
    assert "--set" not in resume_command(left.sweep_record(), left)


def test_the_time_since_a_sweep_was_killed_is_not_spent(tmp_path):
    folder = interrupted(tmp_path, hours=0.0, ended=None)
    folder.store.write_cluster(ClusterRecord(at=1000.0 + HOUR))
    sweep = folder.sweep_record()
    assert spent(sweep, folder.store.cluster(), TRIALS, now=1e9)["hours"] == 1.0
    running = sweep.with_changes(state="running")
    assert spent(running, None, TRIALS, now=1000.0 + 2 * HOUR)["hours"] == 2.0


def test_a_running_sweep_whose_cap_is_spent_says_so(tmp_path):
    fields = {"ended": None, "created": 1000.0, "caps": {"hours": 0.02}}
    folder = write_ended(tmp_path, TRIALS, **fields)
    with folder.held():
        sweep = folder.store.sweep().with_changes(state="running")
        folder.store.write_sweep(sweep)
        said = status_of(folder)
    assert "budget.hours is spent: no other trial begins" in said


def test_a_sweep_that_failed_before_its_first_trial_is_to_be_launched_again(tmp_path):
    folder = write_ended(tmp_path, [], state="failed", error="Ray did not start", ended=1100.0)
    said = status_of(folder)
    assert "it ended before its first trial; launch it again" in said
    assert "sweep resume" not in said


def test_a_resume_with_nothing_left_is_refused_with_the_cap_to_raise(tmp_path):
    folder = interrupted(tmp_path, hours=2.5)
    sweep = folder.store.sweep()

    def of(hours):
        return SweepSpec.parse(sweep_tree(budget={"hours": hours, "evaluations": 4}))

    with pytest.raises(
        LaunchError, match=r"2\.5 of 2 h .* resume ended --home .* --set budget\.hours=4\.5"
    ):
        refuse_if_used_up(sweep, folder, of(2))
    refuse_if_used_up(sweep, folder, of(3))
    done = sweep_here("resume", "ended", "--set", "budget.hours=2.4", home=tmp_path)
    assert done.returncode != 0 and "2.5 of 2.4 h are spent" in done.stderr


def test_a_launch_whose_hours_end_before_ray_starts_says_so_and_leaves_its_name_free(tmp_path):
    done = launch_here(toy_tree(budget={"hours": 1e-6, "evaluations": 4}), tmp_path)
    assert done.returncode != 0
    assert "before the first trial began" in done.stderr and "budget.hours" in done.stderr
    assert not SweepHome(tmp_path).sweep("toy").path.exists()

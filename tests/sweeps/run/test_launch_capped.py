"""Sweeps under a cap; tests/sweeps/search/test_postgres.py resumes one with a higher cap."""

from __future__ import annotations

import pytest
from books import launch_here
from spec_samples import toy_tree

from sweeps.home.home import SweepHome

pytestmark = pytest.mark.endtoend

ONE = 4 * 10 * 16 * 100
"""The tokens of a toy trial."""


def test_a_cap_below_one_trial_is_refused_with_what_one_needs(tmp_path):
    done = launch_here(toy_tree(budget={"trained_tokens": ONE - 1, "evaluations": 4}), tmp_path)
    assert done.returncode != 0 and "64,000 tokens" in done.stderr
    assert not SweepHome(tmp_path).sweep("toy").path.exists()


@pytest.mark.ray
def test_a_trial_that_takes_longer_than_the_cap_is_laid_aside_and_the_sweep_says_what_one_takes(
    ray_cluster, tmp_path
):
    tree = toy_tree(
        budget={"hours": 0.1, "evaluations": 1000}, toy={"seconds": 1}, slots={"count": 1}
    )
    done = launch_here(tree, tmp_path)
    assert done.returncode == 1, done.stderr  # no winner
    known = SweepHome(tmp_path).sweep("toy")
    assert [record.status.value for record in known.store.trials()] == ["interrupted"]
    assert known.store.trials()[0].measurements
    sweep = known.sweep_record()
    assert (sweep.state.value, sweep.reached.cap) == ("complete", "hours")
    assert "ended by budget.hours: one trial takes about" in done.stdout

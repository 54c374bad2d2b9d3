"""Launching from Python, where this process may be connected to Ray already."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console
from spec_samples import toy_tree

from results.record import SweepState
from sweeps import Sweep
from sweeps.errors import SweepError
from sweeps.home import SweepHome
from sweeps.plain import PlainView
from sweeps.view import View

pytestmark = pytest.mark.ray


def test_a_notebooks_own_ray_is_used_and_left_alone_also_off_the_main_thread(ray_cluster, tmp_path):
    sweep = Sweep.from_dict(toy_tree(budget={"trials": 3, "evaluations": 2}))
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(sweep.launch, tmp_path, None, View()).result(timeout=300)
    assert result.sweep.state is SweepState.COMPLETE
    assert len(result.frame()) == 3
    assert ray_cluster.is_initialized()


def test_a_launch_that_fails_before_its_first_trial_leaves_its_name_free(ray_cluster, tmp_path):
    nowhere = {"uri": f"sqlite:///{tmp_path}/no/such/folder/mlflow.db"}
    (tmp_path / "no").write_text("a file where a folder would have to be")
    sweep = Sweep.from_dict(toy_tree(tracking=nowhere))
    with pytest.raises(SweepError, match=r"tracking\.uri"):
        sweep.launch(tmp_path, view=View())
    assert not SweepHome(tmp_path).sweep("toy").path.exists()


def test_a_pipe_hears_of_whatever_takes_longer_than_the_interval(
    ray_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr("sweeps.observer.EVERY", 0.2)
    out, every = io.StringIO(), 0.5
    tree = toy_tree(
        budget={"trials": 2, "evaluations": 4}, toy={"seconds": 1.5}, slots={"count": 1, "cpus": 1}
    )
    with PlainView(Console(file=out, width=200), every=every) as view:
        Sweep.from_dict(tree).launch(tmp_path, view=view)
    told = out.getvalue()
    # A slot's workers take seconds to start, and a trial six, in which it says twice where it is.
    assert re.search(r"^Measuring the untouched base model: 0 of 1 slots up \(\d+ s so", told, re.M)
    running = re.findall(r"^toy: (\d) of 2 trials .*: trial (\d) (?:step (\d+) of 40)?", told, re.M)
    assert {(ended, trial) for ended, trial, _ in running} == {("0", "0"), ("1", "1")}, told
    assert {int(step) for *_, step in running if step} & {10, 20, 30}, told
    assert "s left)" in told

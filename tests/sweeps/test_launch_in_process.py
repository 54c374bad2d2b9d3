"""Launching from Python, where this process may be connected to Ray already."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from spec_samples import toy_tree

from results.record import SweepState
from sweeps import Sweep
from sweeps.errors import SweepError
from sweeps.home import SweepHome

pytestmark = pytest.mark.ray


class Quiet:
    """A view that shows nothing."""

    def phase(self, text): ...

    def trials_begin(self, sweep, slots): ...

    def changed(self, record): ...

    def trials_end(self): ...


def test_a_notebooks_own_ray_is_used_and_left_alone_also_off_the_main_thread(ray_cluster, tmp_path):
    sweep = Sweep.from_dict(toy_tree(budget={"trials": 3, "evaluations": 2}))
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(sweep.launch, tmp_path, None, Quiet()).result(timeout=300)
    assert result.sweep.state is SweepState.COMPLETE
    assert len(result.frame()) == 3
    assert ray_cluster.is_initialized()


def test_a_launch_that_fails_before_its_first_trial_leaves_its_name_free(ray_cluster, tmp_path):
    nowhere = {"uri": f"sqlite:///{tmp_path}/no/such/folder/mlflow.db"}
    (tmp_path / "no").write_text("a file where a folder would have to be")
    sweep = Sweep.from_dict(toy_tree(tracking=nowhere))
    with pytest.raises(SweepError, match=r"tracking\.uri"):
        sweep.launch(tmp_path, view=Quiet())
    assert not SweepHome(tmp_path).sweep("toy").path.exists()

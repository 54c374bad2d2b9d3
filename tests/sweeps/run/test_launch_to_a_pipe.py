"""What a pipe hears of a sweep."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from spec_samples import toy_tree

from sweeps import Sweep
from sweeps.display.plain import PlainView

pytestmark = pytest.mark.ray


def test_a_pipe_hears_of_whatever_takes_longer_than_the_interval(
    ray_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr("sweeps.cluster.observer.EVERY", 0.2)
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

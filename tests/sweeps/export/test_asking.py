"""A trial's model is asked from any folder."""

from __future__ import annotations

import contextlib

import pytest
from finished_sweeps import ended_trial, write_ended
from spec_samples import sft_tree

from results.records.record import Provenance
from sweeps.base.errors import SweepError
from sweeps.export.asking import asking
from sweeps.home.home import SweepHome


def test_paths_in_the_sweep_file_start_where_it_was_launched(tmp_path, monkeypatch):
    launched, elsewhere = tmp_path / "launched", tmp_path / "elsewhere"
    for each in (launched, elsewhere):
        each.mkdir()
    record = ended_trial(0, "complete", {"learning_rate": 5e-4}, 2.0, config={"method": "none"})
    with contextlib.chdir(launched):
        tree = sft_tree(launched, name="ended", model="base", data={"train": "data.jsonl"})
        origin = Provenance(seed=1, model_fingerprint="a folder's")
        write_ended(tmp_path, [record], tree, folder=str(launched), provenance=origin)
    monkeypatch.chdir(elsewhere)
    why = "the base model of sweep 'ended', the folder base .looked from .*launched., does not"
    with pytest.raises(SweepError, match=why), asking("ended", SweepHome(tmp_path)):
        pass

"""The share of answers in the time of a sweep's trials, told at its end."""

from __future__ import annotations

import pytest
from live_samples import sweep, trial

from sweeps.home.home import SweepHome
from sweeps.report.generation_time import time_note


@pytest.mark.parametrize(("generated", "said"), [(4.0, "is 40% of the trials' time"), (2.0, "")])
def test_only_trials_that_train_are_counted(tmp_path, generated, said):
    found = SweepHome(tmp_path).sweep("alpaca-lora")
    found.store.write_sweep(sweep(state="complete"))
    for number, (method, share) in enumerate(
        [("none", 9.9), ("few_shot", 9.9), ("rag", 9.9), ("lora", generated)]
    ):
        record = trial(number, "complete", 1.0, seconds=10.0, generation_seconds=share)
        found.store.write_trial(record.with_changes(config={"method": method}))
    note = time_note(found)
    assert said in note if said else not note

"""The sweep file of one trial trains it as its slot did, with what it was given to fit."""

from __future__ import annotations

import pytest
from record_samples import full_trial
from spec_samples import sft_tree, toy_tree

from results.records.record import SweepRecord
from sweeps.export.reproduction import one_trial
from sweeps.spec.spec import SweepSpec

RECORD = SweepRecord(name="toy", state="complete", metric="eval_loss", mode="min", created=1.0)


@pytest.mark.parametrize("engine", [{"deepspeed": {"zero_stage": 1}}, {"deepspeed": "auto"}, {}])
def test_a_higher_zero_stage_is_one_of_its_slot(engine):
    spec = SweepSpec.parse(toy_tree(slots={"workers": 2, **engine}, batch_size=16))
    repairs = {"micro_batch_size": 4, "gradient_checkpointing": 1, "deepspeed.zero_stage": 3}
    trial = full_trial(params={"lora.rank": 16}, config={"seed": 5}, repairs=repairs)
    again = SweepSpec.parse(one_trial(spec, RECORD, trial))
    assert again.slots.workers == 2
    assert again.trial.deepspeed.zero_stage == 3
    assert again.trial.micro_batch_size == 4 and again.trial.gradient_checkpointing


def test_a_micro_batch_that_was_halved_takes_the_place_of_auto():
    spec = SweepSpec.parse(toy_tree(batch_size=16))
    grown = {**spec.tree, "micro_batch_size": "auto"}
    trial = full_trial(params={"lora.rank": 16}, config={"seed": 5})
    again = one_trial(SweepSpec(**{**vars(spec), "tree": grown}), RECORD, trial)
    assert again["micro_batch_size"] == 4


@pytest.mark.parametrize(
    ("changes", "lanes"),
    [
        ({}, None),
        ({"slots": {"lanes": 4}}, 4),
        ({"micro_batch_size": "auto", "slots": {"lanes": "auto"}}, 1),
    ],
)
def test_dropout_is_drawn_as_in_the_sweep_in_lanes_or_by_the_trainer(tmp_path, changes, lanes):
    spec = SweepSpec.parse(sft_tree(tmp_path, **changes))
    again = one_trial(spec, RECORD, full_trial(params={}, config={"seed": 5}))
    assert again["slots"].get("lanes") == lanes

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


def test_a_trial_by_hand_has_its_own_value_of_a_field_that_the_file_sets():
    spec = SweepSpec.parse(toy_tree(lora={"alpha": 8}, batch_size=16))
    trial = full_trial(
        params={"learning_rate": 1e-3, "lora.alpha": 32, "batch_size": 4},
        config={"seed": 5},
        repairs={},
    )
    again = SweepSpec.parse(one_trial(spec, RECORD, trial))
    assert again.trial.with_params(next(iter(again.space.grid()))).flat()["lora.alpha"] == 32
    assert again.space.grid() == [{"learning_rate": 1e-3, "lora.alpha": 32, "batch_size": 4}]


def test_caps_on_the_sweep_do_not_end_the_one_trial_and_its_own_patience_does():
    caps = {"hours": 1e-3, "gpu_hours": 2, "trained_tokens": 5, "target": {"eval_loss": 9.0}}
    search = {"seed": 1, "trial_patience": 2, "min_delta": 0.1}
    spec = SweepSpec.parse(toy_tree(budget={"evaluations": 4, **caps}, search=search))
    trial = full_trial(params={"lora.rank": 16}, config={"seed": 5}, repairs={})
    again = SweepSpec.parse(one_trial(spec, RECORD, trial))
    assert again.caps.limits == {} and again.trials == 1
    assert again.trial.budget == spec.trial.budget
    assert (again.search.trial_patience, again.search.min_delta) == (2, 0.1)


def test_answers_and_examples_are_measured_when_they_were(tmp_path):
    search = {"metric": "eval_exact_match", "seed": 1}
    spec = SweepSpec.parse(sft_tree(tmp_path, search=search, evaluation={"examples": 200}))
    config = {**spec.trial.flat(), "seed": 5}
    assert config["evaluation.generate_at"] == "every"  # for early stopping
    again = SweepSpec.parse(
        one_trial(spec, RECORD, full_trial(params={"learning_rate": 5e-4}, config=config))
    )
    assert again.trial.evaluation == spec.trial.evaluation
    changes = {"evaluation.examples": "all"}
    repeat = full_trial(params={"learning_rate": 5e-4}, config=config | changes)
    again = SweepSpec.parse(one_trial(spec, RECORD, repeat))
    assert again.trial.evaluation.examples == "all"

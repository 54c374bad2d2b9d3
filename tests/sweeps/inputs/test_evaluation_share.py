"""A launch says what share of a trial evaluation will take, before anything runs."""

from __future__ import annotations

import dataclasses

import pytest
from spec_samples import sft_tree

from sweeps.inputs.budgets import extents
from sweeps.inputs.evaluation_share import before_end, evaluation_share
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import TokenSequence, write
from trainables.training.inputs import Inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    """1,000 tokens to train on, 500 to validate on, and 3,000 in another set."""
    folder = tmp_path_factory.mktemp("sets")
    for name, examples, tokens in (("train", 100, 10), ("validation", 25, 20), ("other", 60, 50)):
        write(folder / name, [TokenSequence.of([1] * tokens, [True] * tokens)] * examples)
    return Inputs(ModelSource("model"), train=folder / "train", validation=folder / "validation")


def share_of(tmp_path, inputs, **change):
    change = {"budget": {"trials": 2, "epochs": 1, "evaluations": 2}, "batch_size": 10, **change}
    spec = SweepSpec.parse(sft_tree(tmp_path, **change))
    return evaluation_share(spec, inputs, extents(spec, inputs))


def with_general(inputs):
    return dataclasses.replace(inputs, general=inputs.train.with_name("other"))


def test_it_is_by_the_tokens_of_all_measured_sets_at_all_points(tmp_path, inputs):
    share = share_of(tmp_path, with_general(inputs))
    assert (share.trained, share.evaluated) == (1000, 2 * (500 + 3000))
    # A token is trained on in a forward pass and a backward one of twice the time.
    assert share.of_time == pytest.approx(7000 / (7000 + 3 * 1000))
    assert str(share) == (
        "Evaluation reads 7.0 times training's tokens (validation and general set): "
        "by tokens, about 70% of a trial's time"
    )


def test_a_share_above_the_wanted_one_has_a_way_out(tmp_path, inputs):
    share = share_of(tmp_path, with_general(inputs))
    assert share.note(0.7) == ""
    assert share.note(0.25) == (
        "By tokens, evaluation takes about 70% of a trial's time, more than evaluation.time_share "
        "0.25; lower budget.evaluations, set evaluation.examples to measure fewer before a trial's "
        "end, or take a smaller data.validation and a smaller data.general."
    )
    assert share.note(0.25, 0.4).startswith("As measured, evaluation takes 40% of a trial's time, ")
    once = {"budget": {"trials": 2, "epochs": 1, "evaluations": 1}}
    assert (
        share_of(tmp_path, inputs, **once).note(0.01).endswith("; take a smaller data.validation.")
    )


def test_before_a_trials_end_only_some_examples_are_read(tmp_path, inputs):
    """10 of 25 examples of 20 tokens, and 10 of 60 of 50."""
    share = share_of(tmp_path, with_general(inputs), evaluation={"examples": 10})
    assert share.evaluated == 200 + 500 + 3500
    assert before_end(SweepSpec.parse(sft_tree(tmp_path)), inputs) == 1.0
    assert "lower evaluation.examples" in share.note(0.25)


@pytest.mark.parametrize(
    ("methods", "told"), [(["none", "lora"], True), (["none", "few_shot"], False)]
)
def test_it_is_told_if_any_trial_trains(tmp_path, inputs, methods, told):
    change = {
        "space": {"method": {"choice": methods}},
        "search": {"metric": "eval_exact_match", "early_stopping": "none"},
    }
    assert bool(share_of(tmp_path, inputs, **change)) == told

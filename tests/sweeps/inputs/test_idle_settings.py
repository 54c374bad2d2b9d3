"""Settings that the data leave without effect are said, and those that they forbid are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import sft_tree

from sweeps.base.errors import SweepError
from sweeps.inputs.idle_settings import check_class_weights, idle_settings
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.sets.summary import Side, Summary
from trainables.training.inputs import Inputs, Prepared


def prepared(target=None, rewards=None):
    inputs = Inputs(ModelSource("model"), Path("train"), Path("validation"), target=target)
    side = Side(examples=4, sequences=4, tokens=40, targets=0, rewards=rewards)
    return Prepared(inputs, "", "", Summary({"train": side, "validation": side}, max_length=8))


def spec_of(folder, objective, **fields):
    return SweepSpec.parse(sft_tree(folder, objective=objective, **fields))


RATED, PAIRS = prepared(rewards=(0.0, 0.5, 1.0)), prepared()


@pytest.mark.parametrize(
    "given",
    [
        {"reward": {"center": 0.01}},
        {"space": {"reward.center": {"choice": [0.0, 0.01]}}},
    ],
    ids=["set", "searched"],
)
def test_rewards_that_the_data_give_have_no_center_of_ours(tmp_path, given):
    spec = spec_of(tmp_path, "reward", **given)
    (note,) = idle_settings(spec, RATED)
    assert note.startswith("reward.center has no effect: ")
    assert not idle_settings(spec, PAIRS)
    assert not idle_settings(spec_of(tmp_path, "reward"), RATED)


@pytest.mark.parametrize(
    ("target", "idle"), [("single_label", True), ("regression", True), ("multi_label", False)]
)
def test_only_several_labels_have_a_threshold(tmp_path, target, idle):
    spec = spec_of(tmp_path, "classification", classification={"threshold": "tuned"})
    notes = idle_settings(spec, prepared(target))
    assert [note.partition(" ")[0] for note in notes] == ["classification.threshold"] * idle


@pytest.mark.parametrize(
    "given",
    [
        {"classification": {"class_weights": "balanced"}},
        {"space": {"classification.class_weights": {"choice": ["none", "balanced"]}}},
    ],
    ids=["set", "searched"],
)
def test_numbers_are_no_classes_to_be_weighted(tmp_path, given):
    spec = spec_of(tmp_path, "classification", **given)
    with pytest.raises(SweepError, match=r"^classification\.class_weights: balanced needs classes"):
        check_class_weights(spec, prepared("regression"))
    check_class_weights(spec, prepared("single_label"))
    check_class_weights(spec_of(tmp_path, "classification"), prepared("regression"))

"""One process group of two workers trains all that is looked at here, one trial after another."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_training as tiny
from torchrun import on_two_workers
from two_workers import DIVERGED, FORK, FORKED, ON_A_PART, RESUMED, SAME_AS_ALONE, STOPPED, Curious

pytestmark = [pytest.mark.cluster, pytest.mark.ci]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("two_workers"))


@pytest.fixture(scope="module")
def together(inputs):
    """What rank 0 of two workers saw."""
    first, second = on_two_workers("two_workers.py", Path(inputs.model.name).parent)
    for name in (*SAME_AS_ALONE, "stopped", "diverged"):
        assert first[name]["ending"] == second[name]["ending"]
        assert second[name]["losses"] == [], "only rank 0 reports"
    return first


@pytest.fixture(scope="module")
def alone(inputs):
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


def test_the_base_measures_the_same_on_two_workers_as_on_one(together, alone):
    expected = alone.measure_base(tiny.trial()).metrics
    assert together["base"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "curious"), [("part", False), ("part and rest", True)])
def test_parts_are_measured_on_two_workers_as_on_one(together, alone, name, curious):
    _, watcher = tiny.run_trial(alone, Curious(curious), **ON_A_PART)
    for (metrics, subset), expected in zip(together[name], watcher.seen, strict=True):
        assert metrics == pytest.approx(expected.metrics, rel=1e-5)
        assert subset == pytest.approx(expected.subset, rel=1e-5)
    assert bool(together[name][0][0]) == curious


def test_a_base_that_no_rank_holds_whole_measures_the_same(together):
    assert together["base ZeRO-3"] == pytest.approx(together["base"], rel=1e-5)
    held, whole = together["shares"]
    assert whole / 2 <= held < whole / 2 + 100, "half of it, and padding"


def test_zero_3_leaves_no_weights_behind(together):
    _, whole = together["shares"]
    # Of three models that were taken apart, less than a twentieth of one.
    assert together["left behind"] < 4 * whole / 20


def test_kept_weights_are_tested_under_zero_3(together):
    measured = together["test ZeRO-3"]["test_loss"]
    assert measured == pytest.approx(together["lora ZeRO-3"]["losses"][-1], abs=1e-5)


@pytest.mark.parametrize("name", RESUMED)
def test_a_trial_that_was_laid_aside_goes_on_on_two_workers(together, name):
    made = together["resumed"][name]
    assert made["endings"] == ["suspended", "complete"]
    assert len(made["losses"]) == 2, "no evaluation is made twice"
    assert made["losses"] == pytest.approx(together[name]["losses"], abs=1e-6)


@pytest.mark.parametrize("name", FORKED)
def test_a_branch_begins_on_two_workers_where_it_parts_from_its_trunk(together, name):
    made = together["forked"][name]
    assert (made["shared"], made["seen"]) == (FORK, 1)
    assert made["losses"] == pytest.approx(made["whole"], abs=1e-6) and len(made["losses"]) == 2


@pytest.mark.parametrize("name", SAME_AS_ALONE)
def test_a_trial_ends_on_two_workers_as_on_one(together, alone, name):
    made = together[name]
    params = {k: v for k, v in SAME_AS_ALONE[name].items() if not k.startswith("deepspeed")}
    outcome, watcher = tiny.run_trial(alone, **params)
    assert made["ending"] == outcome.ending
    assert made["losses"] == pytest.approx(watcher.losses, abs=1e-5)
    for field in ("tokens", "trainable_parameters", "total_parameters"):
        assert made["cost"][field] == getattr(outcome.cost, field)


@pytest.mark.parametrize("name", SAME_AS_ALONE)
def test_what_two_workers_kept_scores_what_they_measured(together, alone, inputs, name):
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    folder = Path(inputs.model.name).parent / name / "best"
    loader = AutoPeftModelForCausalLM if name.startswith("lora") else AutoModelForCausalLM
    kept = loader.from_pretrained(folder, dtype=torch.float32)
    scores = tiny.measured(kept, alone.inputs.validation)
    assert scores.metrics["eval_loss"] == pytest.approx(together[name]["losses"][-1], abs=1e-5)


def test_a_stop_that_rank_0_hears_of_ends_the_trial_on_both_one_step_later(together):
    assert (together["stopped"]["ending"], together["stopped"]["steps"]) == ("stopped", 4)
    assert STOPPED["budget__steps"] > 4


def test_no_step_of_two_workers_waits_for_its_own_loss_but_that_of_an_evaluation(together):
    assert together["waits"] == [3, 6]


def test_divergence_ends_the_trial_on_both(together):
    assert together["diverged"]["ending"] == "diverged"
    assert int(together["diverged"]["error"].split()[-1]) < DIVERGED["budget__steps"] / 3


def test_bf16_trains_under_deepspeed(together):
    losses = [together["base"]["eval_loss"], *together["bf16 ZeRO-2"]["losses"]]
    assert losses == sorted(losses, reverse=True)


def test_labels_and_weights_are_not_rounded_in_half_precision(together):
    assert together["dtypes"] == {"label": "torch.float32", "weight": "torch.float32"}


def test_trials_harm_no_later_one(together):
    assert together["after all"]["losses"] == together["lora plain"]["losses"]
    assert together["pristine"] is True

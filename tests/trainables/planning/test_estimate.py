"""Predicted peaks against the bytes that real training allocates."""

from __future__ import annotations

import pytest
from rollout_training import inputs_of, make_asked, rl_trial

from benchmarks.memory_plan import KINDS, counted_peak, trial_of, with_inputs
from trainables.data.tokens.prompts import Prompts
from trainables.planning.estimate import Planner


@pytest.mark.parametrize("kind", ["full", "lora, bf16", "qlora", "prefix", "lora, dpo"])
def test_a_peak_is_predicted_within_five_percent(kind, tmp_path):
    config = trial_of(KINDS[kind], micro_batch=2)
    config, inputs = with_inputs(tmp_path, (64, 2), config)
    estimate = Planner(inputs).estimate(config, 1)
    predicted = estimate.peak(2) + estimate.states.host
    assert predicted == pytest.approx(counted_peak(inputs, config), rel=0.05)


def test_parts_add_up_and_a_micro_batch_that_fits_is_the_largest(tmp_path):
    config, inputs = with_inputs(tmp_path, (64, 2), trial_of(KINDS["lora"], micro_batch=4))
    estimate = Planner(inputs).estimate(config, 1)
    assert sum(estimate.parts(4).values()) == estimate.peak(4)
    most = estimate.largest_micro_batch(estimate.peak(7))
    assert most == 7
    assert estimate.peak(most + 1) > estimate.peak(7)
    assert estimate.largest_micro_batch(estimate.peak(1) - 1) == 0


def test_a_value_head_is_in_the_plan(tmp_path):
    """With its gradients and Adam's moments; `value_trains` changes nothing but the passes."""
    folder = make_asked(tmp_path)
    grpo, ppo = (rl_trial(folder, objective=name) for name in ("grpo", "ppo"))
    inputs = inputs_of(ppo, folder)
    planner = Planner(inputs)
    assert planner.longest(ppo) == Prompts(inputs.train).lengths.max() + 8
    without, with_head = (planner.estimate(config, 1) for config in (grpo, ppo))
    more = (hidden := 32) + 1
    assert with_head.inventory.trained_elements == without.inventory.trained_elements + more
    assert with_head.states.optimizer == without.states.optimizer + 8 * more
    assert with_head.states.weights == without.states.weights + 4 * more
    answers = 8 * 4 * hidden  # the states that the head reads, at least
    assert with_head.activations.per_sequence > without.activations.per_sequence + answers

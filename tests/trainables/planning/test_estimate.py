"""Predicted peaks against the bytes that real training allocates."""

from __future__ import annotations

import pytest
import torch
from reward_models import make_reward_model
from rollout_training import inputs_of, make_asked, rl_trial

from benchmarks.planning.memory_plan import KINDS, counted_peak, trial_of, with_inputs
from trainables.data.tokens.prompts import Prompts
from trainables.planning.estimate import Planner
from trainables.training.inputs import prepare_inputs


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


def test_answers_take_what_transformers_cache_holds(tmp_path):
    from transformers import AutoModelForCausalLM, DynamicCache

    folder = make_asked(tmp_path)
    config = rl_trial(folder, evaluation__max_new_tokens=20)
    inputs = inputs_of(config, folder)
    estimate = Planner(inputs).estimate(config, 1)
    longest = int(Prompts(inputs.train).lengths.max()) + 20
    model, cache = AutoModelForCausalLM.from_pretrained(folder / "model"), DynamicCache()
    with torch.no_grad():
        model(input_ids=torch.ones(1, longest, dtype=torch.long), past_key_values=cache)
    held = sum(t.numel() * t.itemsize for layer in cache.layers for t in (layer.keys, layer.values))
    assert estimate.answering.per_answer == held + 24 * 320
    many = Planner(inputs).estimate(
        config.with_params({"evaluation.batch_size": 10_000, "micro_batch_size": 1}), 1
    )
    assert many.peak(1) == estimate.states.resting + 10_000 * estimate.answering.per_answer
    assert sum(many.parts(1).values()) == many.peak(1)
    assert max(many.parts(1), key=many.parts(1).get) == "KV cache"


def test_frozen_models_beside_the_trials_own_are_in_the_plan(tmp_path):
    folder = make_asked(tmp_path)
    judge = make_reward_model(tmp_path / "judge", num_hidden_layers=5, dtype=torch.bfloat16)
    config = rl_trial(folder, rl__reward_model=str(judge))
    inputs = prepare_inputs(config, folder / "cache").inputs
    planner = Planner(inputs)
    size = (judge / "model.safetensors").stat().st_size
    lora = planner.estimate(config, 1)
    assert lora.answering.beside == pytest.approx(size, rel=0.05)
    full = planner.estimate(config.with_params({"method": "full"}), 1)
    base = (folder / "model" / "model.safetensors").stat().st_size
    assert full.answering.beside - lora.answering.beside == pytest.approx(base, rel=0.05)
    assert sum(full.parts(8).values()) == full.peak(8)

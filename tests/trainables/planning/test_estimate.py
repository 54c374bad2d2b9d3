"""Predicted peaks against the bytes that real training allocates."""

from __future__ import annotations

import pytest
import torch
from reward_models import make_reward_model
from rollout_training import inputs_of, make_asked, rl_trial

from benchmarks.planning.memory_plan import KINDS, counted_peak, trial_of, with_inputs
from trainables.data.tokens.prompts import Prompts
from trainables.planning.activations import peaks_of
from trainables.planning.passes import Passes
from trainables.planning.planner import Planner
from trainables.training.inputs import prepare_inputs


@pytest.mark.parametrize(
    "kind", ["full", "full, in 8 rows", "lora, bf16", "qlora", "prefix", "lora, dpo"]
)
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
    with_values, policy = (
        each.activations.first.few.bytes.per_sequence for each in (with_head, without)
    )
    assert with_values > policy + answers


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


WIDE = 4096
"""Words of a model whose logits take most."""


def inputs_of_config(folder, **settings):
    """Inputs of a model with such settings, of which there is the config alone; examples of 192
    tokens."""
    from transformers import LlamaConfig

    _, inputs = with_inputs(folder, (64, 2), trial_of(KINDS["lora"], micro_batch=4))
    config = LlamaConfig.from_pretrained(folder / "model")
    for name, value in settings.items():
        setattr(config, name, value)
    config.save_pretrained(folder / "model")
    return inputs


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    return inputs_of_config(tmp_path_factory.mktemp("wide"), vocab_size=WIDE)


def wide_trial(inputs, **changes):
    config = trial_of({"method": "lora", "lora": {"rank": 4}, **changes}, micro_batch=4)
    return config.model_copy(update={"model": inputs.model.name})


def test_logits_and_attention_are_told_apart(wide):
    planner = Planner(wide)
    estimate = planner.estimate(wide_trial(wide), 1)
    parts = estimate.parts(4)
    words, tokens = estimate.logits(4)
    assert (words, tokens) == (WIDE, 4 * 190), "two of the 192 are prompt"
    one = 4 * words * tokens
    assert one <= parts["logits"] <= 3 * one and estimate.largest_term(4)[0] == "logits"
    assert sum(parts.values()) == estimate.peak(4)
    eager = planner.estimate(wide_trial(wide, attention="eager"), 1)
    scores = 4 * 4 * 4 * 192 * 192  # sequences, heads, bytes
    assert eager.parts(4)["attention"] >= 2 * scores > parts["attention"], "of 2 layers"


def test_the_peak_of_many_sequences_may_be_at_another_moment_than_that_of_few(tmp_path):
    """With one, the gradients of the embeddings, which come last; with many, the logits."""
    inputs = inputs_of_config(tmp_path, vocab_size=2**15, hidden_size=1024, head_dim=256)
    config = wide_trial(inputs, method="full", batch_size=32, micro_batch_size=32)
    curve = Planner(inputs).estimate(config, 1).activations.first
    assert curve.of(2) < 1.1 * curve.of(1) and curve.of(8) > 2 * curve.of(1)
    passes = Passes(inputs)
    passing, _ = passes._passing(config)
    for count in (1, 2, 8, 32):
        itself = peaks_of(passing, passes._longest(config, count)).first.bytes
        assert curve.of(count) == pytest.approx(itself, rel=0.02)


def test_of_many_ranks_few_are_measured_and_the_others_are_as_if_they_were(wide, monkeypatch):
    measured = []
    real = Passes.measured
    monkeypatch.setattr(
        Passes, "measured", lambda self, config: measured.append(config) or real(self, config)
    )
    planner = Planner(wide)
    configs = [wide_trial(wide, lora={"rank": rank}) for rank in range(1, 65)]
    planner.expect(configs)
    peaks = {config.lora.rank: planner.estimate(config, 1) for config in configs}
    assert len(measured) == 3
    for rank in (3, 20, 50):
        itself = Planner(wide).estimate(configs[rank - 1], 1)
        assert peaks[rank].inventory == itself.inventory
        assert peaks[rank].states == itself.states
        assert peaks[rank].peak(4) == pytest.approx(itself.peak(4), rel=0.01)
    dropouts = [wide_trial(wide, lora={"rank": 4, "dropout": each}) for each in (0.1, 0.2)]
    measured.clear()
    assert len({planner.estimate(config, 1).peak(4) for config in dropouts}) == 1
    assert len(measured) == 3, "one line for all dropouts above 0"


def test_the_longest_sequence_that_fits_is_found_by_few_passes(wide):
    planner, config = Planner(wide), wide_trial(wide)
    rooms = [planner.estimate(config, 1).peak(1) + more for more in (-1, 0, 2**22, 2**40)]
    none, least, more, whole = (
        planner.longest_within(config, 1, lambda _, room=room: room, 768) for room in rooms
    )
    assert (none, least, whole) == (0, 192, 768)
    assert 192 < more < 768

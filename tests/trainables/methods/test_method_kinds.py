"""Every method, trained for some steps on the tiny Llama: what must hold for all of them."""

from __future__ import annotations

import dataclasses

import pytest
import tiny_training as tiny
from method_kinds import (
    KINDS,
    LAYERS,
)
from tiny_training import Watcher, run_trial

from trainables.core.evaluation import Ending

STEPS = {"budget__steps": 12, "learning_rate": 3e-2, "micro_batch_size": 8}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    made = tiny.make_inputs(tmp_path_factory.mktemp("kinds"))
    return dataclasses.replace(made, test=made.validation)


@pytest.fixture(scope="module")
def workshop(inputs):
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


@pytest.fixture(scope="module")
def pristine(inputs):
    """For a trial's config, the hash of the base as it is when loaded anew."""
    from trainables.training.base import load_model, loading_of

    return lambda config: tiny.fingerprint(load_model(inputs.model, loading_of(config)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_learns_and_what_it_kept_scores_the_same(
    workshop, inputs, pristine, kind, tmp_path
):
    params, parameters = KINDS[kind]
    config = tiny.trial(**{**STEPS, **params})
    base = workshop.measure_base(config).metrics["eval_loss"]
    outcome, watcher = run_trial(workshop, Watcher(tmp_path), **{**STEPS, **params})
    assert outcome.ending is Ending.COMPLETE
    assert outcome.cost.trainable_parameters == parameters
    assert watcher.losses[-1] < base - 0.02
    tested = workshop.test(config, tmp_path / "best").metrics["test_loss"]
    assert tested == pytest.approx(watcher.losses[-1], abs=1e-5)
    kept = tiny.measured(load_kept(inputs, config, tmp_path / "best"), inputs.validation)
    assert kept.metrics["eval_loss"] == pytest.approx(watcher.losses[-1], abs=2e-4)
    assert tiny.fingerprint(workshop._base.shared(config)) == pristine(config)


def load_kept(inputs, config, folder):
    """As a user would: the saved model, or its adapter on the base as it was trained on."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    import trainables.bottleneck  # noqa: F401 (makes PEFT know the adapters)
    from trainables.training.base import load_model, loading_of

    if config.method in ("full", "freeze"):
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return PeftModel.from_pretrained(load_model(inputs.model, loading_of(config)), folder)


def test_trials_of_all_methods_in_one_slot_do_not_touch_each_other(workshop):
    before = run_trial(workshop)[1].losses
    for params, _ in KINDS.values():
        run_trial(workshop, **{"budget__steps": 1, "budget__evaluations": 1, **params})
    assert run_trial(workshop)[1].losses == before


def test_a_pissa_adapter_begins_as_the_base(workshop):
    import torch

    from trainables.models import tuned

    config = tiny.trial(lora__init="pissa")
    ids = torch.arange(7)[None]
    before = workshop._base.shared(config)(input_ids=ids).logits
    model = tuned.attach(workshop.lend(config), config)
    torch.testing.assert_close(model(input_ids=ids).logits, before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeze__last_blocks": 3}, "freeze.last_blocks: 3 is more than the 2 blocks"),
        ({"freeze__last_blocks": 0}, "freeze.last_blocks: 0 without freeze.modules trains nothing"),
        ({"freeze__modules": ["wte"]}, "LlamaForCausalLM has no module named 'wte'"),
    ],
)
def test_what_cannot_be_frozen_like_that_is_refused(workshop, params, message):
    with pytest.raises(ValueError, match=message):
        run_trial(workshop, method="freeze", **params)


@pytest.mark.parametrize("method", ["prefix", "prompt", "ptuning"])
def test_what_a_method_puts_first_must_leave_the_longest_sequence_its_room(workshop, method):
    """The model sees 64 tokens, and the sequences have up to 24."""
    said = f"{method}.virtual_tokens 41 and sequences of up to 24 tokens are more than the 64 "
    settings = {"method": method, "budget__steps": 1, "budget__evaluations": 1}
    with pytest.raises(ValueError, match=f"{said}.*; set data.max_length: 23, or"):
        run_trial(workshop, **settings, **{f"{method}__virtual_tokens": 41})
    outcome, _ = run_trial(workshop, **settings, **{f"{method}__virtual_tokens": 40})
    assert outcome.ending is Ending.COMPLETE


def test_a_target_that_there_is_not_is_refused_also_beside_one_that_there_is(workshop):
    said = r"lora.target_modules: LlamaForCausalLM has no module named 'wq'; it has .*q_proj"
    with pytest.raises(ValueError, match=said):
        run_trial(workshop, lora__target_modules=["v_proj", "wq"])


@pytest.mark.parametrize("method", ["lora", "full", "adapter"])
def test_checkpointing_recomputes_and_only_where_it_was_asked_for(workshop, method, monkeypatch):
    """Llama's attention runs once a layer and step; with checkpointing, twice."""
    from transformers.models.llama.modeling_llama import LlamaAttention

    calls = 0
    forward = LlamaAttention.forward

    def counted(self, *args, **kwargs):
        nonlocal calls
        calls += self.training
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(LlamaAttention, "forward", counted)
    seen = []
    for checkpointing in (False, True, False):
        calls = 0
        params = {"budget__steps": 1, "budget__evaluations": 1, "micro_batch_size": 8}
        run_trial(workshop, method=method, gradient_checkpointing=checkpointing, **params)
        seen.append(calls)
    assert seen == [LAYERS, 2 * LAYERS, LAYERS]


@pytest.mark.parametrize("learning_rate", [1e-3, 1e25], ids=["complete", "diverged"])
def test_noise_on_the_embeddings_ends_with_its_trial(workshop, learning_rate):
    before = run_trial(workshop)[1].losses
    noisy = {"neftune_noise": 5.0, "learning_rate": learning_rate, "warmup_fraction": 0.0}
    assert run_trial(workshop, **{**STEPS, **noisy})[1].losses != before
    assert run_trial(workshop)[1].losses == before


def test_what_cannot_be_set_up_is_refused_and_harms_no_later_trial(workshop):
    from trainables.core.errors import RefusedError

    before = run_trial(workshop)[1].losses
    with pytest.raises(RefusedError, match="is a LlamaMLP, not a layer"):
        run_trial(workshop, lora__target_modules=["v_proj", "mlp"])
    assert run_trial(workshop)[1].losses == before

"""A value head beside a model: where it is put, how it is trained, saved, left out and removed."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_training as tiny
import torch
from safetensors.torch import load_file
from small_models import small
from transformers import AutoModelForCausalLM

from trainables.config.trial import TrialConfig
from trainables.losses.head_check import apart
from trainables.losses.tokens import TokenLosses
from trainables.losses.values import valuing
from trainables.models import tuned
from trainables.training.optimizers import optimizer, rate_value_head
from trainables.training.rollouts.rollout import Rollout

HEAD = ("value_head.weight", "value_head.bias")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_model(tmp_path_factory.mktemp("model"))


def ppo(**params) -> TrialConfig:
    fields = {"objective": "ppo", "rl": {"rewards": {"eval_ended": 1}}, "data": {"train": "none"}}
    return TrialConfig(model="tiny", precision="fp32", **{**fields, **params})


def base_of(folder):
    return AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False)


def attached(folder, config):
    """A trial's model whose value head has learned something."""
    model = tuned.attach(base_of(folder), config)
    drawn = torch.Generator().manual_seed(0)
    for name in HEAD:
        weight = model.get_parameter(name)
        assert weight.requires_grad and weight.dtype == torch.float32
        assert (weight == 0).all(), "it says nothing before training"
        weight.data = torch.randn(weight.shape, generator=drawn)
    return model


@pytest.mark.parametrize("method", ["lora", "full", "freeze", "adapter", "prefix"])
def test_it_is_in_checkpoints_bit_for_bit_and_not_in_what_is_for_use(folder, method, tmp_path):
    config = ppo(method=method, freeze={"last_blocks": 1})
    model = attached(folder, config)
    tuned.save_trained(model, tmp_path / "trained.safetensors")
    again = tuned.attach(base_of(folder), config)
    tuned.reload_trained(again, tmp_path / "trained.safetensors")
    for name in HEAD:
        assert torch.equal(again.get_parameter(name), model.get_parameter(name))
    tuned.save(model, tmp_path / "best", None)
    (file,) = (tmp_path / "best").glob("*.safetensors")
    assert not [name for name in load_file(file) if "value" in name]
    tuned.restore(base_of(folder), config, tmp_path / "best")


FAMILIES = {
    "llama": {},
    "gpt2": {},
    "gemma2": {"num_key_value_heads": 2, "head_dim": 8},
    "gpt_neox": {},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


@pytest.mark.parametrize("whole", [True, False], ids=["whole logits", "logits of targets"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_reads_the_last_hidden_states_of_the_same_pass(family, whole):
    """Those that transformers gives, at the tokens before the answers'."""
    model = tuned.attach(small(family, **FAMILIES[family]), ppo(method="full")).eval()
    model.value_head.weight.data = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    asked, answers = [[5, 6, 7], [8, 9]], [[10, 11], [12]]
    batch = Rollout.of(0, asked, answers, [[0.0, 0.0], [0.0]]).batch(np.arange(2), 0)
    tokens = TokenLosses(None if whole else apart(model))
    with torch.no_grad(), valuing(model, batch) as values:
        tokens.of_policy(model, batch, 1.0)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    with torch.no_grad():
        last = model(**inputs, output_hidden_states=True).hidden_states[-1]
    expected = (last @ model.value_head.weight.T).squeeze(-1)
    (found,) = values
    assert found[0, 2:4].tolist() == pytest.approx(expected[0, 2:4].tolist(), rel=1e-4)
    assert found[1, 1].item() == pytest.approx(expected[1, 1].item(), rel=1e-4)
    assert (found != 0).sum() == 3


def test_the_base_is_as_it_was_when_the_adapter_is_removed(folder):
    base = base_of(folder)
    before, names = tiny.fingerprint(base), [name for name, _ in base.named_modules()]
    assert tuned.detach(tuned.attach(base, ppo(method="lora"))) is base
    assert tiny.fingerprint(base) == before
    assert [name for name, _ in base.named_modules()] == names


def test_under_deepspeed_it_is_held_as_the_other_trained_weights(folder):
    model = tuned.attach(
        base_of(folder).bfloat16(), ppo(method="full", deepspeed={"zero_stage": 3})
    )
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}


def test_it_has_a_rate_of_its_own_and_no_decay(folder):
    config = ppo(method="full", learning_rate=1e-4, optimizer={"weight_decay": 0.1})
    model = attached(folder, config)
    kind, settings = optimizer(config)
    made = kind([{"params": [*model.parameters()], "weight_decay": 0.1}], **settings)
    rate_value_head(made, model, 30.0)
    others, own = made.param_groups
    assert (own["lr"], own["weight_decay"]) == (pytest.approx(3e-3), 0.0)
    assert (others["lr"], others["weight_decay"]) == (1e-4, 0.1)
    assert {id(each) for each in own["params"]} == {id(model.get_parameter(n)) for n in HEAD}
    assert len(others["params"]) + 2 == len([*model.parameters()])

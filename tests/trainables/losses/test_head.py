"""A head that is asked at the targets only, against the whole logits of the same model."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_training as tiny
from small_models import small

from trainables.data.tokens.examples import Examples

ARCHITECTURES = {
    "llama": ("llama", {}),
    "tied": ("llama", {"tie_word_embeddings": True}),
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "soft cap": ("gemma2", {"head_dim": 8, "num_key_value_heads": 2}),
    "divided": ("granite", {"logits_scaling": 8.0}),
    "multiplied": ("cohere", {"num_key_value_heads": 2}),
    "state": ("mamba", {}),
}

FINISHES = {"soft cap": ("capped", 30.0), "divided": ("over", 8.0), "multiplied": ("times", 0.0625)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("head"))


@pytest.fixture
def in_parts(monkeypatch):
    """Parts of five targets."""
    from trainables.losses import tokens

    monkeypatch.setattr(tokens, "PART_ELEMENTS", 1)
    monkeypatch.setattr(tokens, "LEAST_PART", 5)


@pytest.fixture
def batch(inputs):
    from trainables.data.tokens.batches import collate
    from trainables.losses.batch import to_batch

    return to_batch(collate([Examples(inputs.train)[n] for n in range(6)], 0))


def learned(tokens, model, batch, smoothing=0.1):
    """The losses, and the gradients of their weighted sum."""
    import torch

    torch.manual_seed(3)
    model.zero_grad()
    losses = tokens.losses(model, batch, smoothing)
    (losses * torch.linspace(0.5, 2, losses.numel()).view_as(losses)).sum().backward()
    gradients = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }
    return losses.detach(), gradients


def assert_alike(model, head, batch):
    import torch

    from trainables.losses.tokens import TokenLosses

    whole, apart = TokenLosses(), TokenLosses(head)
    losses, gradients = learned(apart, model, batch)
    expected, expected_gradients = learned(whole, model, batch)
    torch.testing.assert_close(losses, expected, rtol=1e-6, atol=1e-6)
    assert gradients and gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(
            gradient, expected_gradients[name], rtol=1e-4, atol=1e-5, msg=name
        )
    with torch.no_grad():
        torch.testing.assert_close(apart.sums(model, batch), whole.sums(model, batch))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_losses_and_gradients_are_those_of_whole_logits(name, batch, in_parts):
    from trainables.losses.head_check import apart

    kind, settings = ARCHITECTURES[name]
    model = small(kind, **settings)
    head = apart(model)
    assert head is not None, "it can be asked apart"
    assert (head.finish, head.value) == FINISHES.get(name, ("none", 1.0))
    assert_alike(model.requires_grad_(True), head, batch)


def test_the_head_of_every_family_can_be_asked_apart():
    """docs/models.md says so."""
    import torch
    from transformers import AutoModelForCausalLM

    from benchmarks.families import ENCODERS, FAMILIES, config_of, random_weights
    from trainables.losses.head_check import apart

    whole = []
    for family in FAMILIES:
        if family not in ENCODERS:
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(config_of(family)).float()
            random_weights(model)
            whole += [family] if apart(model) is None else []
    assert whole == []


METHODS = {
    "lora": {},
    "lora on the head": {"lora": {"rank": 4, "target_modules": ["q_proj", "lm_head"]}},
    "freeze": {"method": "freeze", "freeze": {"last_blocks": 1}},
    "adapter": {"method": "adapter"},
    "prefix": {"method": "prefix", "prefix": {"virtual_tokens": 3}},
    "prompt": {"method": "prompt", "prompt": {"virtual_tokens": 3}},
    "ptuning": {"method": "ptuning", "ptuning": {"virtual_tokens": 3}},
    "checkpoints": {"gradient_checkpointing": True},
}


@pytest.mark.parametrize(
    ("method", "new_tokens"), [*((name, ()) for name in METHODS), ("lora", (60, 61))]
)
def test_so_they_are_with_every_method(method, new_tokens, batch, in_parts):
    from trainables.losses.head_check import apart
    from trainables.models import tuned

    model = small("llama")
    head = apart(model)
    config = tiny.TRIAL.with_params(METHODS[method])
    tuned_model = tuned.attach(model, config, new_tokens)
    tuned_model.train()
    assert_alike(tuned_model, head, batch)


def test_no_call_of_the_head_gets_more_than_a_part_of_the_targets(batch, in_parts, monkeypatch):
    import torch

    from trainables.losses.head_check import apart
    from trainables.losses.tokens import TokenLosses

    model = small("llama")
    tokens = TokenLosses(apart(model))
    rows, linear = [], torch.nn.functional.linear

    def counted(hidden, weight, bias=None):
        if weight is model.lm_head.weight:
            rows.append(hidden.shape[:-1].numel())
        return linear(hidden, weight, bias)

    monkeypatch.setattr(torch.nn.functional, "linear", counted)
    with torch.no_grad():
        tokens.sums(model, batch)
    targets = int((batch["labels"][:, 1:] != -100).sum())
    assert max(rows) == 5 and sum(rows) == targets < batch["labels"].numel()


def test_a_batch_without_targets_has_losses_and_gradients_of_zero(in_parts):
    import torch

    from trainables.data.tokens.batches import pad
    from trainables.data.tokens.sequences import TokenSequence
    from trainables.losses.batch import to_batch
    from trainables.losses.head_check import apart
    from trainables.losses.tokens import TokenLosses

    model = small("llama").requires_grad_(True)
    batch = to_batch(pad([TokenSequence.of([5, 6, 7], [False] * 3)], 0))
    losses, gradients = learned(TokenLosses(apart(model)), model, batch)
    assert losses.tolist() == [[0.0, 0.0]]
    assert not any(gradient.any() for gradient in gradients.values())
    with torch.no_grad():
        assert TokenLosses(apart(model)).sums(model, batch).tolist() == [[0.0, 0.0, 0.0]]


def scales(self, **inputs):
    output = self.own(**inputs)
    output.logits = output.logits * 1.0001
    return output


def caps(self, **inputs):
    import torch

    output = self.own(**inputs)
    output.logits = 50 * torch.tanh(output.logits / 50)
    return output


def adds_to_positions(self, **inputs):
    import torch

    output = self.own(**inputs)
    later = torch.arange(output.logits.shape[1])[:, None]
    output.logits = output.logits * (1 + later)
    return output


def reads_the_weight(self, **inputs):
    import torch

    output = self.own(**inputs)
    hidden = self.model(**inputs).last_hidden_state
    output.logits = torch.nn.functional.linear(hidden, self.lm_head.weight)
    return output


@pytest.mark.parametrize("forward", [scales, caps, adds_to_positions, reads_the_weight])
def test_a_model_that_makes_something_else_of_its_head_keeps_whole_logits(forward):
    from trainables.losses.head_check import apart

    model = small("llama")
    kind = type(model)
    model.__class__ = type("Other", (kind,), {"forward": forward, "own": kind.forward})
    assert apart(model) is None


def test_so_does_a_model_whose_head_mixes_positions():
    from trainables.losses.head_check import apart

    model = small("llama")
    linear = model.lm_head.forward
    model.lm_head.forward = lambda hidden: linear(hidden) * hidden.abs().mean()
    assert apart(model) is None


def test_the_comparison_leaves_no_trace(inputs):
    import torch

    from trainables.losses.head_check import apart
    from trainables.training.base import Loading, load_model, traces

    model = load_model(inputs.model, Loading(torch.float32)).train()
    before = traces(model)
    assert apart(model) is not None
    assert traces(model) == before and model.training
    assert "forward" not in vars(model.lm_head)


def test_in_bf16_the_head_is_the_models_own_too(inputs):
    import torch

    from trainables.losses.head_check import apart

    for name in ("llama", "soft cap"):
        kind, settings = ARCHITECTURES[name]
        assert apart(small(kind, **settings).to(torch.bfloat16)) is not None


def test_places_of_targets_are_those_of_the_labels():
    from trainables.data.tokens.batches import pad
    from trainables.data.tokens.sequences import TokenSequence

    rows = [
        TokenSequence.of([5, 6, 7], [True, False, True]),
        TokenSequence.of([8, 9], [False, True]),
    ]
    batch = pad(rows, 0)
    assert batch["labels"][:, 1:].reshape(-1)[batch["targets"]].tolist() == [7, 9]
    assert np.array_equal(batch["targets"], [1, 2])

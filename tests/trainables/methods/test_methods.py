from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.training.base import borrows_in_place, loading_of


def tiny_model(architecture):
    """A random model of another family, whose blocks call their parts by other names."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "gpt2": {"n_embd": 16, "n_layer": 1, "n_head": 2},
        "gpt_neox": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
        "qwen2": {
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
        },
    }[architecture]
    config = AutoConfig.for_model(architecture, vocab_size=32, intermediate_size=24, **sizes)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).requires_grad_(False)


def touched(architecture, modules):
    from trainables.models import tuned

    model = tuned.attach(tiny_model(architecture), tiny.trial(lora__target_modules=modules))
    names = (name.rsplit(".lora_", 1)[0] for name, w in model.named_parameters() if w.requires_grad)
    return {name.split(".", 2)[2].split(".", 3)[-1] for name in names}


@pytest.mark.parametrize(
    ("architecture", "attention", "mlp"),
    [
        (
            "qwen2",
            {f"self_attn.{name}_proj" for name in "qkvo"},
            {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
        ),
        ("gpt2", {"attn.c_attn", "attn.c_proj"}, {"mlp.c_fc", "mlp.c_proj"}),
        (
            "gpt_neox",
            {"attention.query_key_value", "attention.dense"},
            {"mlp.dense_h_to_4h", "mlp.dense_4h_to_h"},
        ),
    ],
)
def test_attention_and_mlp_are_found_whatever_a_family_calls_them(architecture, attention, mlp):
    assert touched(architecture, "attention") == attention
    assert touched(architecture, "mlp") == mlp
    assert touched(architecture, "all-linear") == attention | mlp, "and the head stays out"


def test_a_part_that_a_model_does_not_have_is_refused_with_the_way_out():
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    from trainables.models import tuned

    class Odd(PreTrainedModel):
        config_class = PretrainedConfig

        def __init__(self):
            super().__init__(PretrainedConfig())
            self.mixer = torch.nn.Linear(2, 2)

    with pytest.raises(ValueError, match="no transformer blocks found in Odd"):
        tuned.attach(Odd(), tiny.trial(lora__target_modules="mlp"))


def test_an_update_is_scaled_by_alpha_over_rank():
    """Doubling alpha doubles what the adapter adds; the rank alone does not change its scale."""
    import torch

    from trainables.models import tuned

    ids = torch.arange(5)[None]
    changes = {}
    for rank, alpha in ((4, 8.0), (4, 16.0), (8, 16.0)):
        base = tiny_model("qwen2")
        before = base(input_ids=ids).logits
        config = tiny.trial(lora__rank=rank, lora__alpha=alpha, lora__target_modules=["lm_head"])
        model = tuned.attach(base, config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_" in name:
                    weight.fill_(0.1)
        changes[rank, alpha] = (model(input_ids=ids).logits - before).detach()
    torch.testing.assert_close(changes[4, 16.0], 2 * changes[4, 8.0], rtol=1e-4, atol=1e-6)
    # Twice the rank at twice the alpha: the same scale, twice the sum over the rank.
    torch.testing.assert_close(changes[8, 16.0], 2 * changes[4, 8.0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("dropout", "equal"), [(0.0, True), (0.5, False)])
def test_dropout_is_in_the_adapter_while_it_trains(dropout, equal):
    import torch

    from trainables.models import tuned

    model = tuned.attach(tiny_model("qwen2"), tiny.trial(lora__dropout=dropout)).train()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
    first, second = (model(input_ids=torch.arange(5)[None]).logits for _ in range(2))
    assert torch.equal(first, second) is equal


def test_an_adapter_changes_nothing_before_it_has_learned():
    import torch

    from trainables.models import tuned

    base, ids = tiny_model("qwen2"), torch.arange(7)[None]
    before = base(input_ids=ids).logits
    model = tuned.attach(base, tiny.trial())
    assert torch.equal(model(input_ids=ids).logits, before)
    assert tuned.detach(model) is base
    assert torch.equal(base(input_ids=ids).logits, before)


@pytest.mark.parametrize(
    ("params", "in_place", "dtype"),
    [
        ({"method": "lora", "precision": "fp32"}, True, "float32"),
        ({"method": "lora", "precision": "bf16"}, True, "bfloat16"),
        ({"method": "full", "precision": "fp32"}, False, "float32"),
        # AdamW on bf16 weights would lose every small step.
        ({"method": "full", "precision": "bf16"}, False, "float32"),
        ({"method": "full", "precision": "bf16", "deepspeed__zero_stage": 2}, False, "bfloat16"),
        # ZeRO-3 takes the weights apart, also those that are frozen.
        ({"method": "lora", "precision": "fp32", "deepspeed__zero_stage": 3}, False, "float32"),
        ({"method": "lora", "precision": "bf16", "deepspeed__zero_stage": 2}, True, "bfloat16"),
    ],
)
def test_the_base_is_copied_only_where_it_would_change(params, in_place, dtype):
    config = tiny.trial(**params)
    assert borrows_in_place(config) is in_place
    assert str(loading_of(config).weights) == f"torch.{dtype}"
    assert config.tunes.keeps_base(config) is (params["method"] == "lora")

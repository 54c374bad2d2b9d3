"""LoRA reaches what it says it reaches, where experts are whole tensors."""

from __future__ import annotations

import pytest
import torch
from tiny_training import trial

from benchmarks.families import VOCABULARY, config_of, random_weights
from trainables.methods.lora import LORA
from trainables.models import tuned

ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
LATENT = {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"}
EXPERTS = {"experts.gate_up_proj", "experts.down_proj"}
DENSE = {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}
SHARED = {f"shared_experts.{name}_proj" for name in ("gate", "up", "down")}

REACHED = {
    ("Qwen 3 MoE", "attention"): ATTENTION,
    ("Qwen 3 MoE", "mlp"): EXPERTS,
    ("Qwen 3 MoE", "all-linear"): ATTENTION | EXPERTS,
    ("Mixtral", "all-linear"): ATTENTION | EXPERTS,
    ("GPT-OSS", "all-linear"): ATTENTION | EXPERTS,
    ("DeepSeek-V3", "mlp"): EXPERTS | DENSE | SHARED,
    ("DeepSeek-V3", "all-linear"): LATENT | EXPERTS | DENSE | SHARED,
    ("DeepSeek-V3", ("gate_proj", "o_proj")): {
        "mlp.gate_proj",
        "shared_experts.gate_proj",
        "o_proj",
    },
}


def built(family):
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config_of(family)).float().eval()
    random_weights(model)
    return model


@pytest.mark.parametrize(("family", "chosen"), REACHED)
def test_merging_changes_the_weights_that_were_chosen_and_no_other(family, chosen, tmp_path):
    from peft import PeftModel

    before = {name: weight.clone() for name, weight in built(family).named_parameters()}
    model = LORA.attach(built(family), trial(lora__target_modules=chosen), ())
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    tokens = torch.arange(20)[None] % VOCABULARY
    with torch.no_grad():
        adapted = model.eval()(input_ids=tokens).logits
    tuned.save(model, tmp_path, None)
    # Plain PEFT, from the saved files.
    loaded = PeftModel.from_pretrained(built(family), tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(input_ids=tokens).logits, adapted)
        merged = loaded.merge_and_unload()
        torch.testing.assert_close(merged(input_ids=tokens).logits, adapted, atol=1e-4, rtol=1e-4)
    changed = {
        name.removesuffix(".weight")
        for name, weight in merged.named_parameters()
        if not torch.equal(weight, before[name])
    }
    assert {
        name for name in changed if not any(name.endswith(end) for end in REACHED[family, chosen])
    } == set()
    assert {
        end for end in REACHED[family, chosen] if not any(name.endswith(end) for name in changed)
    } == set()
    base = tuned.detach(model)
    assert all(torch.equal(weight, before[name]) for name, weight in base.named_parameters())

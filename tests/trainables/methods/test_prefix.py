"""A prefix is what the keys and values of real tokens before the text would be."""

from __future__ import annotations

import pytest
import torch
from tiny_training import trial

from benchmarks.families import ENCODERS, FAMILIES, VOCABULARY, config_of, random_weights
from trainables.methods.prefix import PREFIX

REFUSED = {"DeepSeek-V3", "Mamba", "Mamba 2", "Jamba", *ENCODERS}
TOKENS = 6


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in REFUSED])
def test_a_prefix_of_real_tokens_answers_as_the_whole_text_does(family):
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config_of(family)).float().eval()
    random_weights(model)
    tokens = torch.randint(3, VOCABULARY, (1, TOKENS + 20))
    with torch.no_grad():
        kept = model(input_ids=tokens[:, :TOKENS], use_cache=True).past_key_values.layers
        whole = model(input_ids=tokens).logits[:, TOKENS:]
    config = trial(method="prefix", prefix__virtual_tokens=TOKENS)
    tuned = PREFIX.attach(model, config, ()).eval()
    pairs = [state[0].transpose(0, 1) for layer in kept for state in (layer.keys, layer.values)]
    tuned.prompt_encoder.default.embedding.weight.data = torch.stack(pairs, 1).reshape(TOKENS, -1)
    rest = tokens[:, TOKENS:]
    with torch.no_grad():
        prefixed = tuned(input_ids=rest, attention_mask=torch.ones_like(rest)).logits
    torch.testing.assert_close(prefixed, whole, atol=1e-5, rtol=1e-5)

"""A model is told of no padding that follows a sequence, and answers the same."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import tiny_training as tiny
from host_reads import HostReads
from small_models import small

KINDS = {
    "llama": {"num_key_value_heads": 2},
    "gpt2": {"n_positions": 64},
    "mistral": {"num_key_value_heads": 2, "sliding_window": 5},  # shorter than the sequences
    "qwen2": {
        "num_key_value_heads": 2,
        "sliding_window": 40,
        "use_sliding_window": True,
        "max_window_layers": 1,
    },
    "gemma2": {"num_key_value_heads": 2, "head_dim": 8},  # eager attention
    "gpt_neox": {},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},  # positions made of the mask
    "bloom": {},  # no positions, but distances made of the mask
    "mixtral": {"num_key_value_heads": 2, "num_local_experts": 4},
}
LENGTHS = (12, 3, 7, 1)


def batch():
    import torch

    from trainables.data.tokens.batches import pad
    from trainables.data.tokens.sequences import TokenSequence

    rng = np.random.default_rng(5)
    tokens = [rng.integers(2, tiny.VOCABULARY, length).tolist() for length in LENGTHS]
    sequences = [TokenSequence.of(each, [True] * len(each)) for each in tokens]
    return {name: torch.from_numpy(array) for name, array in pad(sequences, 0).items()}


def answers(model, padded):
    """The logits of the tokens that are none of the padding."""
    logits = model(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"]).logits
    logits = logits[:, -padded["input_ids"].shape[1] :]
    return logits[padded["attention_mask"].bool()]


def both_ways(model):
    """The answers as transformers gives them by itself, and ours."""
    from trainables.losses.forward import logits_of

    model, padded = model.eval(), batch()
    ours = logits_of(model, padded)[padded["attention_mask"].bool()]
    return answers(model, padded), ours


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_answers_as_with_a_mask_for_the_padding(kind):
    import torch

    model = small(kind, **KINDS[kind])
    near = 1e-5 if kind == "mixtral" else 1e-10  # torch multiplies its experts in float32 only
    theirs, ours = both_ways(model if kind == "mixtral" else model.double())
    torch.testing.assert_close(ours, theirs, atol=near, rtol=near)


@pytest.mark.parametrize("method", ["lora", "prefix", "prompt", "ptuning", "adapter"])
def test_every_method_answers_as_with_a_mask_for_the_padding(method):
    import torch

    from trainables.models import tuned

    model = tuned.attach(small("llama", **KINDS["llama"]), tiny.trial(method=method))
    theirs, ours = both_ways(model.double())
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)  # prompts stay float32


def test_a_model_that_looks_both_ways_keeps_its_mask():
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from trainables.losses.forward import output_of

    shape = {"vocab_size": tiny.VOCABULARY, "hidden_size": 32, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(**shape, num_hidden_layers=2, intermediate_size=48, initializer_range=0.2)
    )
    padded, model = batch(), model.double().eval()
    theirs = model(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"]).logits
    torch.testing.assert_close(output_of(model, padded), theirs, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2", "gpt_neox"])
def test_no_forward_pass_reads_what_was_computed_in_it(kind):
    from trainables.losses.forward import logits_of

    model, padded = small(kind, **KINDS[kind]), batch()
    for read in (answers, logits_of):
        with HostReads() as reads, reads.watching():
            read(model, padded)
        assert bool(reads.fresh) is (read is answers)


def test_transformers_own_masks_are_as_before(tmp_path):
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask

    from trainables.losses.forward import logits_of

    model = small("llama", **KINDS["llama"])
    with pytest.raises(KeyError):
        logits_of(model, {})
    logits_of(copy.deepcopy(model), batch())
    assert ALL_MASK_ATTENTION_FUNCTIONS["sdpa"] is sdpa_mask

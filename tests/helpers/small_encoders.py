"""Small encoders of many architectures in folders, each with a tokenizer like its own."""

from __future__ import annotations

from pathlib import Path

WORDS = [f"w{number}" for number in range(40)]

LENGTH = 32
"""Tokens that each model reads."""

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH,
    "initializer_range": 0.2,
}
_ROBERTA = {"max_position_embeddings": LENGTH + 2, "type_vocab_size": 1, "pad_token_id": 1}

SETTINGS = {
    "bert": {},
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "deberta-v2": {
        "relative_attention": True,
        "position_biased_input": False,
        "max_relative_positions": 16,
    },
    "modernbert": {"cls_token_id": 0, "sep_token_id": 2, "local_attention": 8},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "albert": {"embedding_size": 16},
    "electra": {"embedding_size": 16},
}
"""What each architecture's configuration has beside the common sizes."""


def small_encoder(folder: Path, kind: str) -> Path:
    """The folder of a masked language model with random weights, and its tokenizer."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForMaskedLM

    tokenizer = _tokenizer(kind)
    ids = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")
    }
    settings = {**_SIZES, "vocab_size": len(tokenizer), **ids, **SETTINGS[kind]}
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(CONFIG_MAPPING[kind](**settings))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(kind: str):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    roberta = "roberta" in kind
    cls, pad, sep, unk = (
        ("<s>", "<pad>", "</s>", "<unk>") if roberta else ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
    )
    vocabulary = {word: place for place, word in enumerate([cls, pad, sep, unk, *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token=unk))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    second = f"{sep} $B {sep}" if roberta else "$B:1 " + f"{sep}:1"
    raw.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} {second}",
        special_tokens=[(cls, 0), (sep, 2)],
    )
    named = {"cls_token": cls, "pad_token": pad, "sep_token": sep, "unk_token": unk}
    ends = {"bos_token": cls, "eos_token": sep} if roberta else {}
    typed = kind in ("bert", "albert", "electra")
    inputs = ["input_ids", *(["token_type_ids"] if typed else []), "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=raw, model_input_names=inputs, **named, **ends)

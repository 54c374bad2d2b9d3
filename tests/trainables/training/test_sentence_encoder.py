"""Embeddings by a sentence-transformers model, compared with the same by plain transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from trainables.core.errors import RefusedError
from trainables.training.generation.embedding import encoder_of

WORDS = ["[PAD]", "[UNK]", *["the", "river", "bank", "of", "a", "town", "lies", "on", "its"]]
TEXTS = ["the river of a town", "a bank", "its town lies on the river bank"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = tmp_path_factory.mktemp("encoder")
    words = models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    cutter = Tokenizer(words)
    cutter.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=cutter, pad_token="[PAD]", unk_token="[UNK]")
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 16, "max_position_embeddings": 32}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(WORDS), **size, **layers)).save_pretrained(folder / "bert")
    fast.save_pretrained(folder / "bert")
    parts = [Transformer(str(folder / "bert")), Pooling(16)]
    SentenceTransformer(modules=parts).save(str(folder / "whole"))
    return folder


def test_vectors_are_those_of_the_named_model(folder):
    vectors = encoder_of(str(folder / "whole"), torch.device("cpu"))(TEXTS)
    bert = BertModel.from_pretrained(folder / "bert").eval()
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = torch.tensor([[WORDS.index(word) for word in text.split()]])
        with torch.no_grad():
            mean = bert(input_ids=ids).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(vector, mean / mean.norm(), atol=1e-5)


def test_what_is_no_model_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(RefusedError, match=r"cannot be loaded: .*; name another, or leave it out"):
        encoder_of(str(tmp_path), torch.device("cpu"))

"""Bytes of trained text: those of the text itself, whatever the tokenizer."""

from __future__ import annotations

import pytest
from data_samples import CHATML, tiny_tokenizer

from trainables.data.records.conversation import Conversation, Message
from trainables.data.rendering.rendering import render
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.text_bytes import text_bytes


@pytest.mark.parametrize("template", [None, CHATML])
def test_only_the_answers_text_counts(template):
    turns = [("user", "hello"), ("assistant", "Grüße"), ("user", "more"), ("assistant", "好 x")]
    chat = Conversation(tuple(Message.of(role, text) for role, text in turns))
    tokenizer = tiny_tokenizer(chat_template=template)
    (rendered,) = render([chat], tokenizer)
    sequence = rendered.whole
    assert text_bytes(sequence, tokenizer) == len("Grüße好 x".encode())


def test_a_character_cut_short_counts_by_its_bytes():
    tokenizer = tiny_tokenizer(bos=False)
    ids = tokenizer("a好", add_special_tokens=False)["input_ids"]
    assert len(ids) == 4
    sequence = TokenSequence.of(ids[:3], [True] * 3)
    assert text_bytes(sequence, tokenizer) == 1  # of a character's two bytes, decoded as one mark

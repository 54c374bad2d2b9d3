"""Texts and pairs of texts for decoders; test_encoders.py compares those of encoders."""

from __future__ import annotations

from data_samples import tiny_tokenizer
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.tokens.texts import Text, encoded, shares


def test_the_texts_of_a_pair_have_a_line_break_between_them():
    tokenizer = tiny_tokenizer()
    (found,) = encoded([Text("Eat well", "Sleep well")], tokenizer, 64)
    assert tokenizer.decode(found.tokens) == "<s>Eat well\nSleep well</s>"
    assert not found.cut


def test_of_a_long_pair_the_longer_text_is_cut_first():
    tokenizer = tiny_tokenizer()
    (found,) = encoded([Text("xyzw" * 20, "no")], tokenizer, 16)
    text = tokenizer.decode(found.tokens)
    assert (len(found.tokens), found.cut) == (16, True)
    assert text.startswith("<s>xyzw") and text.endswith("\nno</s>")


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 60))
def test_shares_are_those_of_cutting_the_longer_text_token_by_token(first, second, room):
    one, other = first, second
    while one + other > room:
        if one > other:
            one -= 1
        else:
            other -= 1
    kept = shares(first, second, room)
    assert sum(kept) == one + other and max(abs(kept[0] - one), abs(kept[1] - other)) <= 1
    assert kept[0] <= first and kept[1] <= second

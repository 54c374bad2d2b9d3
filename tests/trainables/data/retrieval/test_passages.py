"""Texts cut into passages: their sizes, what they share, and that nothing of a text is lost."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from data_samples import tiny_tokenizer

from trainables.data.retrieval.passages import passages
from trainables.data.tokens.tokenizer import encode

TOKENIZER = tiny_tokenizer()


def size(text: str) -> int:
    return len(encode(TOKENIZER, [text])[0])


def prose(count: int) -> str:
    """Words that differ, so that each place in the text is found once, in sentences of any size."""
    draw = random.Random(5)
    ends = (f"w{n}" + (". " if draw.random() < 0.15 else " ") for n in range(count))
    return "".join(ends).strip()


def places(text: str, found: tuple[str, ...]) -> list[tuple[int, int]]:
    return [(text.index(each), text.index(each) + len(each)) for each in found]


CHINESE = "".join(chr(0x4E00 + n) + ("。" if n % 23 == 22 else "") for n in range(300))


@pytest.mark.parametrize(
    "text", [prose(400), CHINESE, "x" + "y0123456789" * 80, " a\n\n\tb  " * 90]
)
@pytest.mark.parametrize("most", [8, 33, 128])
@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.9])
def test_a_passage_has_at_most_so_many_tokens(text, most, overlap):
    for passage in passages([text], TOKENIZER, most, overlap):
        # One more for a first word that lost the space before it.
        assert size(passage) <= most + 1


@pytest.mark.parametrize("text", [prose(400), CHINESE])
@pytest.mark.parametrize("most", [8, 33, 128])
@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5, 0.9])
def test_nothing_is_lost_and_neighbours_share_at_most_the_overlap(text, most, overlap):
    found = places(text, passages([text], TOKENIZER, most, overlap))
    assert found[0][0] == 0 and found[-1][1] == len(text)
    for (start, end), (following, beyond) in pairwise(found):
        assert start < following and end < beyond, "each goes further"
        assert not text[end:following].strip(), "no word between two passages is lost"
        assert size(text[following:end]) <= round(overlap * most) + 1


def test_a_larger_overlap_repeats_more():
    text = prose(400)
    lengths = [sum(map(len, passages([text], TOKENIZER, 64, overlap))) for overlap in (0, 0.3, 0.6)]
    assert len(text) * 0.95 < lengths[0] <= len(text)
    assert lengths[1] > 1.2 * lengths[0] and lengths[2] > 1.4 * lengths[1]


def test_a_passage_ends_with_a_sentence_if_one_ends_in_its_last_third():
    words = [f"w{n}" for n in range(30)]
    words[8] += "."
    text = " ".join(words)
    most = size(" ".join(words[:11]))
    first, *_ = passages([text], TOKENIZER, most, 0.0)
    assert first == " ".join(words[:9])
    words[8], words[2] = "w8", "w2."
    first, *_ = passages([" ".join(words)], TOKENIZER, most, 0.0)
    assert first.split()[-1] != "w2.", "in the first third, it would waste the passage"


def test_a_short_text_is_one_passage_and_equal_ones_are_kept_once():
    assert passages(["  a b.\n", "c", "a b.", "", " \n"], TOKENIZER, 64, 0.2) == ("a b.", "c")

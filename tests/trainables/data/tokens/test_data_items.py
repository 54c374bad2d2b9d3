"""What is kept of each example until the sets are written."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import pytest
from data_samples import tiny_tokenizer

from trainables.data.making.answers import answers
from trainables.data.making.blocks import tokenise
from trainables.data.making.classes import labelled
from trainables.data.making.preferences import judgements, pairs
from trainables.data.making.rewards import compared, rated
from trainables.data.making.targets import Targets
from trainables.data.records.conversation import Conversation, Message
from trainables.data.records.records import Document, Labelled, Pair, Rated
from trainables.data.tokens.items import key
from trainables.data.tokens.sequences import TokenSequence

CLASSES = Targets("single_label", ("a", "b"))
LONG = "a long text " * 50


def chat(answer):
    asked, said = Message.of("user", LONG), Message.of("assistant", answer)
    return Conversation((asked, said), "row 1")


def pair():
    asked = (Message.of("user", LONG),)
    return Pair(asked, (Message.of("assistant", "yes"),), (Message.of("assistant", "no"),), "row 1")


MADE = {
    "answers": lambda t: answers([chat("yes")], t, 4096),
    "pairs": lambda t: pairs([pair()], t, 4096),
    "judgements": lambda t: judgements([pair()], t, 4096),
    "compared": lambda t: compared([pair()], t, 4096),
    "rated chats": lambda t: rated([Rated(chat("yes"), 0.5)], t, 4096),
    "rated texts": lambda t: rated([Rated(Document(LONG, "row 1"), 0.5)], t, 4096),
    "labelled": lambda t: labelled([Labelled(LONG, "a", "row 1")], CLASSES, t, 4096),
}


@pytest.mark.parametrize("kind", MADE)
def test_an_items_keys_are_short_however_long_its_text_is(kind):
    for item in MADE[kind](tiny_tokenizer()).items:
        assert len(item.example.sequences[0].tokens) > 300
        assert (len(item.identity), len(item.group)) == (16, 16)


def sequence(tokens, targets=None):
    return TokenSequence.of(tokens, targets or [False, *[True] * (len(tokens) - 1)])


def test_only_equal_tokens_with_equal_targets_have_one_key():
    different = [
        (sequence([1, 2, 3]),),
        (sequence([1, 2, 4]),),
        (sequence([1, 2, 3], [False, False, True]),),
        (sequence([1, 2]), sequence([3])),
        (sequence([1]), sequence([2, 3])),
        (sequence([3]), sequence([1, 2])),
    ]
    for one, other in combinations(different, 2):
        assert key(*one) != key(*other)
    assert key(*different[3]) == key(sequence([1, 2]), sequence([3]))


def test_documents_are_not_held_as_pythons_integers_all_at_once():
    tokenizer, documents = tiny_tokenizer(bos=False), ["z" * 500] * 4000
    tokenise(documents[:1], tokenizer)
    tracemalloc.start()
    made = tokenise(documents, tokenizer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    tokens = sum(len(each.tokens) for each in made)
    # 5 bytes a token for what is kept; a list's pointer to each integer alone would be 8 more.
    assert tokens > 4000 * 400 and peak < 9 * tokens


def test_a_sequence_that_was_cut_lets_go_of_the_rest():
    whole = sequence(list(range(10_000)))
    assert whole.cut(10_000) is whole
    assert whole.cut(10).tokens.base is None and whole.cut(10).targets.base is None

from __future__ import annotations

import pytest
from data_samples import CHATML, tiny_tokenizer

from trainables.data.making.rewards import compared, rated
from trainables.data.records.conversation import Conversation, Message
from trainables.data.records.records import Document, Pair, Rated
from trainables.data.tokens.items import counted

ASK = Message("user", "hi")
YES, NO = Message.of("assistant", "yes"), Message.of("assistant", "no")
CHAT = Conversation((ASK, YES))


def test_both_texts_of_a_pair_are_whole_and_end_in_eos():
    tokenizer = tiny_tokenizer()
    (item,) = compared([Pair((ASK,), (YES,), (NO,), weight=2.0)], tokenizer, 64).items
    texts = [tokenizer.decode(sequence.tokens) for sequence in item.example.sequences]
    start = "<s>### User:\nhi\n\n### Assistant:\n"
    assert texts == [f"{start}yes</s>", f"{start}no</s>"]
    assert not any(sequence.targets.any() for sequence in item.example.sequences)
    assert item.example.weight == 2.0


@pytest.mark.parametrize(
    ("content", "template", "text"),
    [
        (Document("fine"), None, "<s>fine</s>"),
        (CHAT, None, "<s>### User:\nhi\n\n### Assistant:\nyes</s>"),
        (
            CHAT,
            CHATML,
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|></s>",
        ),
    ],
)
def test_a_rated_text_ends_in_one_eos_and_has_its_reward(content, template, text):
    tokenizer = tiny_tokenizer(chat_template=template)
    (item,) = rated([Rated(content, 0.25)], tokenizer, 64).items
    assert tokenizer.decode(item.example.sequences[0].tokens) == text
    assert item.example.label == 0.25


def test_what_is_longer_than_max_length_is_left_out_and_not_cut():
    tokenizer = tiny_tokenizer()
    long = Message.of("assistant", "word " * 60)
    made = compared([Pair((ASK,), (YES,), (NO,)), Pair((ASK,), (YES,), (long,))], tokenizer, 64)
    assert (len(made.items), counted(made.drops)) == (1, {"longer than max_length": 1})
    texts = [Rated(Document("word " * 60), 1.0), Rated(Document("word"), 1.0)]
    made = rated(texts, tokenizer, 64)
    assert (len(made.items), counted(made.drops)) == (1, {"longer than max_length": 1})


def test_rewards_of_one_prompt_are_one_group_and_another_reward_is_no_duplicate():
    other = Conversation((ASK, NO))
    records = [Rated(CHAT, 0.5), Rated(other, 0.5), Rated(CHAT, 0.7), Rated(CHAT, 0.5)]
    items = rated(records, tiny_tokenizer(), 64).items
    assert len({item.group for item in items}) == 1
    assert [item.identity == items[0].identity for item in items] == [True, False, False, True]

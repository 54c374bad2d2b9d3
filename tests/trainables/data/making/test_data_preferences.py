from __future__ import annotations

import numpy as np
import pytest
from data_samples import CHATML, tiny_tokenizer

from trainables.data.making.preferences import ALIKE, judgements, pairs, with_others
from trainables.data.records.conversation import Message
from trainables.data.records.records import Pair
from trainables.data.tokens.items import counted, firsts

HEAD, TAIL = "<s>### User:\n", "\n\n### Assistant:\n"


def pair(question, better, worse, **fields):
    answers = ((Message.of("assistant", text),) for text in (better, worse))
    return Pair((Message("user", question),), *answers, **fields)


PAIRS = [pair(f"Add {n} and 1.", f"It is {n + 1}.", "No.", where=f"row {n}") for n in range(4)]


def answer(tokenizer, sequence):
    return tokenizer.decode(sequence.tokens[sequence.targets])


def prompt(tokenizer, sequence):
    return tokenizer.decode(sequence.tokens[: int(np.argmax(sequence.targets))])


def test_a_pair_is_chosen_and_rejected_after_the_same_prompt_tokens():
    tokenizer = tiny_tokenizer()
    items = pairs(PAIRS, tokenizer, 64).items
    for number, item in enumerate(items):
        chosen, rejected = item.example.sequences
        asked = tokenizer(f"### User:\nAdd {number} and 1.{TAIL}")["input_ids"]
        assert chosen.tokens[: len(asked)].tolist() == asked
        assert rejected.tokens[: len(asked)].tolist() == asked
        assert answer(tokenizer, chosen) == f"It is {number + 1}.</s>"
        assert answer(tokenizer, rejected) == "No.</s>"
        assert np.isnan(item.example.label)


def test_with_a_chat_template_a_pair_has_the_templates_own_tokens():
    tokenizer = tiny_tokenizer(chat_template=CHATML)
    ((chosen, rejected),) = (
        item.example.sequences for item in pairs(PAIRS[:1], tokenizer, 64).items
    )
    asked = [{"role": "user", "content": "Add 0 and 1."}]
    for sequence, said in ((chosen, "It is 1."), (rejected, "No.")):
        whole = tokenizer.apply_chat_template(
            [*asked, {"role": "assistant", "content": said}], return_dict=True
        )["input_ids"]
        before = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)[
            "input_ids"
        ]
        assert sequence.tokens.tolist() == whole[: len(sequence.tokens)]
        assert sequence.targets.tolist() == [False] * len(before) + [True] * (
            len(sequence.tokens) - len(before)
        )


def test_a_pair_is_cut_after_max_length_and_left_out_where_nothing_of_an_answer_is_left():
    tokenizer = tiny_tokenizer()
    start = len(tokenizer(f"### User:\nhi{TAIL}")["input_ids"])
    records = [
        pair("hi", "aa bb cc dd", "zz", where="row 1"),
        pair("hi " * 40, "yes", "no", where="row 2"),
        pair("hi", "aa bb cc", "aa bb dd", where="row 3"),
    ]
    made = pairs(records, tokenizer, start + 3)
    (item,) = made.items
    assert [len(each.tokens) for each in item.example.sequences] == [start + 3, start + 3]
    assert made.truncated == 1
    assert counted(made.drops) == {"prompt longer than max_length": 1, ALIKE: 1}
    assert firsts(made.drops) == {"prompt longer than max_length": "row 2", ALIKE: "row 3"}


def test_weights_go_with_the_examples():
    made = pairs([pair("a", "b", "c", weight=0.5)], tiny_tokenizer(), 64)
    assert made.items[0].example.weight == 0.5


def test_the_same_prompt_is_the_same_group_and_the_same_pair_a_duplicate():
    records = [pair("a", "b", "c"), pair("a", "b", "d"), pair("x", "b", "c"), pair("a", "b", "c")]
    items = pairs(records, tiny_tokenizer(), 64).items
    assert [item.group == items[0].group for item in items] == [True, True, False, True]
    assert [item.identity == items[0].identity for item in items] == [True, False, False, True]


def test_a_judged_answer_comes_with_the_next_ones_answer_to_its_own_prompt():
    tokenizer = tiny_tokenizer()
    items = judgements(
        [each.judged()[number % 2] for number, each in enumerate(PAIRS)], tokenizer, 64
    )
    examples = with_others(items.items, 64)
    assert [example.label for example in examples] == [1, 0, 1, 0]
    said = ["It is 1.</s>", "No.</s>", "It is 3.</s>", "No.</s>"]
    for number, example in enumerate(examples):
        mine, other = example.sequences
        assert prompt(tokenizer, mine) == prompt(tokenizer, other)
        assert prompt(tokenizer, mine) == f"{HEAD}Add {number} and 1.{TAIL}"
        assert answer(tokenizer, mine) == said[number]
        assert answer(tokenizer, other) == said[(number + 1) % 4]


@pytest.mark.parametrize(
    ("prompts", "partners"),
    [
        ("abcd", [1, 2, 3, 0]),
        ("aabb", [2, 2, 0, 0]),
        ("abba", [1, 3, 3, 1]),
        ("aaab", [3, 3, 3, 0]),
        ("aaa", [1, 2, 0]),
        ("a", [0]),
    ],
)
def test_the_other_answer_is_one_to_another_prompt_where_there_is_one(prompts, partners):
    tokenizer = tiny_tokenizer()
    records = [pair(letter, f"n{n}", "x").judged()[0] for n, letter in enumerate(prompts)]
    examples = with_others(judgements(records, tokenizer, 64).items, 64)
    others = [answer(tokenizer, example.sequences[1]) for example in examples]
    assert others == [f"n{partner}</s>" for partner in partners]


def test_the_other_sequence_is_cut_as_well():
    tokenizer = tiny_tokenizer()
    records = [pair("a", "short", "x").judged()[0], pair("b", "word " * 60, "x").judged()[0]]
    examples = with_others(judgements(records, tokenizer, 50).items, 50)
    assert len(examples[0].sequences[1].tokens) == 50


def test_pairs_become_one_good_and_one_bad_answer_each():
    made = judgements(PAIRS, tiny_tokenizer(), 64)
    assert [item.example.label for item in made.items] == [1, 0] * 4
    made = judgements([pair("hi " * 60, "yes", "no", where="row 1"), *PAIRS], tiny_tokenizer(), 64)
    assert counted(made.drops) == {"prompt longer than max_length": 1}

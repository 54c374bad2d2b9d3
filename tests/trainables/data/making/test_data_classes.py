from __future__ import annotations

from data_samples import tiny_tokenizer

from trainables.data.making.classes import labelled
from trainables.data.making.targets import Targets
from trainables.data.records.records import Labelled
from trainables.data.tokens.items import counted


def classes(*names):
    return Targets("single_label", names)


def test_a_text_ends_in_eos_and_has_the_index_of_its_class():
    tokenizer = tiny_tokenizer()
    made = labelled([Labelled("fine", "b", weight=3.0)], classes("a", "b"), tokenizer, 64)
    example = made.items[0].example
    assert tokenizer.decode(example.sequences[0].tokens) == "<s>fine</s>"
    assert (example.label, example.weight, made.truncated) == (1.0, 3.0, 0)


def test_a_long_text_is_cut_before_its_eos():
    tokenizer = tiny_tokenizer()
    made = labelled([Labelled("Eat well, sleep well.", "a")], classes("a"), tokenizer, 5)
    tokens = made.items[0].example.sequences[0].tokens
    whole = tokenizer("Eat well, sleep well.")["input_ids"]
    assert tokens.tolist() == [*whole[:4], tokenizer.eos_token_id]
    assert made.truncated == 1


def test_equal_texts_are_one_group_whatever_their_labels():
    records = [Labelled("a", "x"), Labelled("a", "y"), Labelled("b", "x"), Labelled("a", "x")]
    made = labelled(
        [*records, Labelled(" ", "x"), Labelled("c", "")], classes("x", "y"), tiny_tokenizer(), 64
    )
    items = made.items
    assert [item.group == items[0].group for item in items] == [True, True, False, True]
    assert [item.identity == items[0].identity for item in items] == [True, False, False, True]
    assert counted(made.drops) == {"empty text": 1, "no label": 1}

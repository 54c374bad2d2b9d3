from __future__ import annotations

import pytest
from data_samples import tiny_tokenizer

from trainables.core.data_error import DataError
from trainables.data.making.classes import class_names, labelled
from trainables.data.records.records import Labelled
from trainables.data.tokens.items import counted


def texts(*labels):
    return [Labelled(f"text {n}", label, f"row {n + 1}") for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["10", "2", "-1"], ("-1", "2", "10")),
        (["10", "2", "x"], ("10", "2", "x")),
        (["1.5", "1.25", "", "3"], ("1.25", "1.5", "3")),
        (["nan", "inf", "1"], ("1", "inf", "nan")),
    ],
)
def test_classes_are_numbers_in_their_order_else_names_in_the_alphabets(labels, names):
    assert class_names(texts(*labels), []) == names


def test_a_held_out_label_that_training_lacks_is_a_mistake():
    held_out = [Labelled("a", "pos", "dev.csv line 2"), Labelled("b", "neutral", "dev.csv line 3")]
    said = r"^dev\.csv line 3: label 'neutral' is not among those of the train files \(neg, pos\)"
    with pytest.raises(DataError, match=said):
        class_names(texts("pos", "neg"), held_out)
    assert class_names(texts("pos", "neg"), [Labelled("a", ""), held_out[0]]) == ("neg", "pos")


@pytest.mark.parametrize("labels", [["a", "a"], ["a", ""]])
def test_one_class_is_none(labels):
    with pytest.raises(DataError, match="all records have the label 'a'; classification needs two"):
        class_names(texts(*labels), [])


def test_a_text_ends_in_eos_and_has_the_index_of_its_class():
    tokenizer = tiny_tokenizer()
    made = labelled([Labelled("fine", "b", weight=3.0)], ("a", "b"), tokenizer, 64)
    example = made.items[0].example
    assert tokenizer.decode(example.sequences[0].tokens) == "<s>fine</s>"
    assert (example.label, example.weight, made.truncated) == (1.0, 3.0, 0)


def test_a_long_text_is_cut_before_its_eos():
    tokenizer = tiny_tokenizer()
    made = labelled([Labelled("Eat well, sleep well.", "a")], ("a",), tokenizer, 5)
    tokens = made.items[0].example.sequences[0].tokens
    whole = tokenizer("Eat well, sleep well.")["input_ids"]
    assert tokens.tolist() == [*whole[:4], tokenizer.eos_token_id]
    assert made.truncated == 1


def test_equal_texts_are_one_group_whatever_their_labels():
    records = [Labelled("a", "x"), Labelled("a", "y"), Labelled("b", "x"), Labelled("a", "x")]
    made = labelled([*records, Labelled(" ", "x"), Labelled("c", "")], "xy", tiny_tokenizer(), 64)
    items = made.items
    assert [item.group == items[0].group for item in items] == [True, True, False, True]
    assert [item.identity == items[0].identity for item in items] == [True, False, False, True]
    assert counted(made.drops) == {"empty text": 1, "no label": 1}

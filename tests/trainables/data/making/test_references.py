"""Several right answers to a prompt: which columns give them, and that the best of them counts."""

from __future__ import annotations

import pytest
from chat_training import chat_trial, make_chat_model
from data_samples import write_lines

from trainables.core.data_error import DataError
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.prompts import Prompts
from trainables.metrics.registry import GENERATED
from trainables.metrics.written import Answer, Written

SQUAD = {"question": "Where?", "answers": {"text": ["Paris", "in Paris", "Paris"]}}


def references(folder, *rows, **data):
    """The references of the prompts of a validation file."""
    make_chat_model(folder / "model")
    write_lines(folder / "train.jsonl", [*rows] * 4)
    write_lines(folder / "ask.jsonl", [*rows])
    config = chat_trial(folder, **{f"data.{name}": value for name, value in data.items()})
    prepared = prepare(config, config.model, folder / "cache")
    prompts = Prompts(prepared.validation)
    return [prompts[place].references for place in range(len(prompts))], prepared


@pytest.mark.parametrize(
    "row",
    [
        SQUAD,
        {"prompt": "Where?", "completion": ["Paris", "in Paris"]},
    ],
)
def test_a_list_of_answers_trains_the_first_and_counts_all(tmp_path, row):
    found, prepared = references(tmp_path, row)
    assert found == [("Paris", "in Paris")]
    assert "several answers, the first trained" in prepared.summary.describe()


def test_a_column_of_references_counts_once_it_is_named(tmp_path):
    rows = [
        {"instruction": "one?", "output": "1", "also": ["one", "1", "I"], "references": ["[7]"]},
        {"instruction": "two?", "output": "2", "also": "two"},
        {"instruction": "three?", "output": "3", "also": None},
    ]
    found, _ = references(tmp_path, *rows, columns={"references": "also"})
    assert found == [("1", "one", "I"), ("2", "two"), ("3",)]
    (tmp_path / "plain").mkdir()
    found, prepared = references(tmp_path / "plain", *rows)
    assert found == [("1",), ("2",), ("3",)]
    assert "fields not read: also, references" in prepared.summary.describe()


def test_references_that_are_no_texts_are_one_message(tmp_path):
    row = {"instruction": "one?", "output": "1", "also": {"text": 5}}
    with pytest.raises(DataError, match=r"references is .*; it must be a text or a list of texts"):
        references(tmp_path, row, columns={"references": "also"})


def score(name, text, *right):
    answer = Answer(0, "", text, right, 3, ended=True)
    return Written((answer,), (GENERATED[name],)).values[name]


def test_the_best_reference_counts():
    """SQuAD's rule; its F1 of "the big cat" and "big cat" is 1, of "a dog" 0."""
    assert score("eval_exact_match", "in Paris", "Paris", "in Paris") == 1
    assert score("eval_token_f1", "the big cat", "a dog", "big cat") == 1
    assert score("eval_token_f1", "cat", "a dog", "big cat") == pytest.approx(2 / 3)


def test_bleu_counts_all_references_as_sacrebleu_does():
    from sacrebleu import corpus_bleu

    texts = ["the cat sat on the mat today", "it rains a lot in the north of spain"]
    several = [
        ("a cat sat on the mat today", "the cat was on the mat today"),
        ("it rains much in the north of spain",),
    ]
    answers = tuple(
        Answer(place, "", text, right, 9, ended=True)
        for place, (text, right) in enumerate(zip(texts, several, strict=True))
    )
    found = Written(answers, (GENERATED["eval_bleu"],)).values["eval_bleu"]
    streams = [[several[0][0], several[1][0]], [several[0][1], None]]
    assert found == pytest.approx(corpus_bleu(texts, streams).score / 100)

"""Chinese passages are found by characters and pairs of them, better than by characters alone."""

from __future__ import annotations

import pytest

from benchmarks.retrieval.recall import made, recall
from trainables.data.retrieval.words import terms
from trainables.metrics.words import words


@pytest.fixture(scope="module")
def asked():
    return made(places=100)


def test_every_question_has_its_passage(asked):
    passages, questions, right = asked
    assert len(passages) == 100 and len(questions) == len(right) == 300
    assert asked == made(places=100), "the same seed, the same questions"


def test_passages_are_found_by_the_terms_in_use(asked):
    assert recall(asked, terms)["@1"] > 0.98
    assert recall(asked, words)["@1"] < 0.8

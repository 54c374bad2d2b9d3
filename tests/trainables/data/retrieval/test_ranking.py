"""The order of texts for a query, against BM25's formula and by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from trainables.data.retrieval.ranking import Bm25, Dense, Shuffled
from trainables.data.retrieval.words import terms

TEXTS = [
    "the cat sat on the mat",
    "a dog and a cat met a second dog in the park",
    "dogs bark",
    "the park has a bench, a bench and a bench",
    "",
]
QUERIES = ["cat", "dog park", "bench the", "a cat in the park", "cat cat dog", "zebra", ""]


def by_formula(texts: list[str], query: str) -> list[float]:
    """BM25 with Lucene's weights: k1 1.5, b 0.75, idf ln(1 + (N - n + 0.5) / (n + 0.5))."""
    split = [text.replace(",", "").split() for text in texts]
    mean = sum(map(len, split)) / len(split)
    scores = []
    for words in split:
        counts, score = Counter(words), 0.0
        for word in query.split():
            having = sum(word in each for each in split)
            idf = math.log(1 + (len(split) - having + 0.5) / (having + 0.5))
            often = counts[word]
            score += idf * often / (often + 1.5 * (0.25 + 0.75 * len(words) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", QUERIES)
def test_bm25_gives_the_formulas_scores(query):
    (scores,) = Bm25(TEXTS).scores([query], None)
    assert scores == pytest.approx(by_formula(TEXTS, query), rel=1e-5, abs=1e-7)


def test_the_best_text_comes_first_and_equals_stay_in_order():
    orders = [list(order) for order in Bm25(TEXTS).orders(["bench", "zebra", "dog"])]
    assert orders[0] == [3, 0, 1, 2, 4]
    assert orders[1] == [0, 1, 2, 3, 4]
    assert orders[2][0] == 1


def test_case_and_punctuation_do_not_matter():
    index = Bm25(TEXTS)
    one, other = index.scores(["DOG, park?", "dog park"], None)
    assert list(one) == list(other) and one.max() > 0


def test_texts_without_words_are_ranked_in_their_order():
    assert [list(order) for order in Bm25(["", "..."]).orders(["cat", ""])] == [[0, 1], [0, 1]]


CHINESE = [
    "北京大学在海淀区。",
    "大学生在北京的京剧院学习。",
    "上海的地铁很大，学生很多。",
    "海水是咸的。",
]


@pytest.mark.parametrize(
    ("question", "right"), [("北京大学在哪里", 0), ("京剧", 1), ("地铁", 2), ("海水", 3)]
)
def test_chinese_passages_are_found_by_pairs_of_characters(question, right):
    (order,) = Bm25(CHINESE).orders([question])
    assert order[0] == right


def test_pairs_tell_apart_texts_of_the_same_characters():
    (order,) = Bm25(["学大京北", "北京大学"]).orders(["北京大学"])
    assert list(order) == [1, 0]


def test_terms_are_words_or_characters_and_their_pairs():
    assert terms("The cat, 中文吧") == ["the", "cat", "中", "文", "吧", "中文", "文吧"]
    assert terms("ｆｉｖｅ Ｃａｔｓ") == ["five", "cats"]


@pytest.mark.parametrize("text", ["好。", "「好」", "、好…", "好・"])
def test_punctuation_is_no_term(text):
    assert terms(text) == ["好"]


def test_dense_orders_by_the_cosine():
    angles = {"east": 0.0, "north": 90.0, "west": 180.0, "northeast": 40.0}

    def embed(texts):
        turned = [math.radians(angles[text]) for text in texts]
        return np.array([[math.cos(each), math.sin(each)] for each in turned], np.float32)

    names = list(angles)
    orders = Dense(names, embed).orders(["east", "west"], embed)
    assert [[names[place] for place in order] for order in orders] == [
        ["east", "northeast", "north", "west"],
        ["west", "north", "northeast", "east"],
    ]


def test_a_random_order_is_one_for_all_queries_and_depends_on_the_seed():
    first, second = Shuffled(50, 3).orders(["a", "b"])
    assert sorted(first) == list(range(50)) and list(first) == list(second)
    assert list(first) != list(range(50))
    assert list(next(Shuffled(50, 4).orders(["a"]))) != list(first)

"""The questions of the retrieval benchmark: only the texts answer them."""

from __future__ import annotations

from benchmarks.arithmetic import written as sums_written
from benchmarks.retrieval.material import TOWNS, read_lines, written


def test_each_question_is_answered_by_one_text(tmp_path):
    for questions in written(tmp_path, seed=0).values():
        texts = [row["text"] for row in read_lines(questions.knowledge)]
        assert len(set(texts)) == len(texts)
        for row in read_lines(questions.asked):
            asked = row["instruction"].removeprefix("Who is ").removesuffix("?")
            about = [t for t in texts if asked.removesuffix("是谁？") in t.replace("The", "the")]
            assert len(about) == 1 and row["output"] in about[0]


def test_no_question_is_trained_and_no_town_is_in_both_sets(tmp_path):
    sets = written(tmp_path, seed=0)
    asked, texts = {}, {}
    for name, questions in sets.items():
        rows = {part: read_lines(getattr(questions, part)) for part in ("train", "asked")}
        trained = {row["instruction"] for row in rows["train"]}
        asked[name] = trained | {row["instruction"] for row in rows["asked"]}
        assert len(asked[name]) == len(rows["train"]) + len(rows["asked"]) == 6 * TOWNS[name]
        texts[name] = questions.knowledge.read_text(encoding="utf-8")
    assert not asked["known"] & asked["unknown"]
    assert written(tmp_path / "again", seed=0)["unknown"].knowledge.read_text() == texts["unknown"]


def test_sums_that_are_asked_are_not_trained(tmp_path):
    train, asked = map(read_lines, sums_written(tmp_path))
    for row in (*train, *asked):
        one, other = (int(each.replace(" ", "")) for each in row["instruction"].split("+"))
        assert int(row["output"].replace(" ", "")) == one + other
    questions = [row["instruction"] for row in (*train, *asked)]
    assert len(set(questions)) == len(questions) == 400

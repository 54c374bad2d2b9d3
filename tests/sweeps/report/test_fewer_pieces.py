"""The note on prompts without room for all examples or passages."""

from __future__ import annotations

from finished_sweeps import ended_trial

from sweeps.report.fewer_pieces import fewer_pieces


def of(number: int, had: float | None, **asked: int):
    params = {name.replace("__", "."): value for name, value in asked.items()}
    metrics = {"eval_token_f1": 0.5} if had is None else {"eval_looked_up": had}
    return ended_trial(number, "complete", params, metrics)


def test_trials_with_fewer_than_asked_for_are_named():
    records = [
        of(0, 4.0, few_shot__count=4),
        of(1, 2.54, few_shot__count=16),
        of(2, 0.0, rag__passages=3),
        of(3, 0.0),
        of(4, None, rag__passages=3),
    ]
    said = fewer_pieces(records)
    assert said.endswith("max_new_tokens: trial 1: 2.5 of 16; trial 2: 0.0 of 3.")


def test_nothing_is_said_if_all_had_what_they_asked_for():
    assert fewer_pieces([of(0, 4.0, few_shot__count=4), of(1, 0.0)]) == ""


def test_a_little_fewer_is_not_shown_as_all():
    said = fewer_pieces([of(0, 3.98, few_shot__count=4)])
    assert "4.0 of 4" not in said and "of 4" in said


def test_of_many_trials_five_are_named_and_the_others_counted():
    said = fewer_pieces([of(number, 1.0, rag__passages=2) for number in range(7)])
    assert said.count("1.0 of 2") == 5 and said.endswith("; and 2 more trials.")

"""The share of answers in a trial's time, from the base's evaluation."""

from __future__ import annotations

import re

import chat_training as chats
import pytest

from sweeps.run.driver.time_share import share_of_answers, time_note
from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Cost, Evaluation


def base(seconds, answers):
    return Evaluation(0, 0, {}, Cost(seconds=seconds, generation_seconds=answers))


def test_answers_are_weighed_against_training_and_evaluations():
    """4 evaluations of 1 s, training of 2 sets at 3 s each, twice 5 s of answers."""
    assert share_of_answers(base(6, 5), trained=2, evaluations=4, answered=2) == 10 / 20
    assert share_of_answers(base(1, 0), trained=2, evaluations=4, answered=0) == 0
    assert share_of_answers(base(0, 0), trained=2, evaluations=4, answered=2) == 0


@pytest.mark.parametrize(("answers", "most", "noted"), [(8, 0.25, True), (8, 0.9, False)])
def test_a_launch_says_if_answers_will_take_too_long(tmp_path, answers, most, noted):
    inputs = chats.make_chats(tmp_path)
    tree = {
        "name": "timed",
        "model": str(tmp_path / "model"),
        "data": {
            "train": str(tmp_path / "train.jsonl"),
            "validation": str(tmp_path / "ask.jsonl"),
        },
        "budget": {"trials": 2, "epochs": 1, "evaluations": 1},
        "search": {"metric": "eval_exact_match"},
        "evaluation": {"time_share": most},
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    said = time_note(SweepSpec.parse(tree), inputs, base(answers + 1, answers))
    assert bool(said) == noted
    if noted:  # 40 examples are trained, and 13 shorter ones evaluated
        share = int(re.search(r"will take about (\d+)% of each trial's time", said).group(1)) / 100
        assert share == pytest.approx(8 / (8 + 1 + 3 * 40 / 13), abs=0.06)
        assert "more than evaluation.time_share 0.25; lower evaluation.prompts" in said

"""Values as fields, and domains outside the space: the remedy is itself a valid spec."""

from __future__ import annotations

import pytest
import yaml
from spec_samples import problems_of, toy_tree

from sweeps.spec.spec import SweepSpec


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"asha": {}}, "it is a value of search.early_stopping: write search.early_stopping: asha"),
        ({"search": {"tpe": 1}}, "search.tpe: is not a known field; it is a value of search.sampl"),
        ({"qlora": {"rank": 8}}, "it is a value of method: write method: qlora"),
        ({"sft": True}, "it is a value of objective: write objective: sft"),
        ({"serach": {}}, "did you mean search?"),
    ],
)
def test_a_value_as_a_field_is_told_its_field(change, remedy):
    (problem,) = problems_of(toy_tree(**change))
    assert remedy in problem


def test_a_word_unlike_all_fields_is_not_taken_for_one():
    (problem,) = problems_of(toy_tree(zzqx=1))
    assert "did you mean" not in problem and "known: " in problem


@pytest.mark.parametrize(
    "tree",
    [
        "precision: [fp32, bf16]",
        "learning_rate: {log_uniform: [1.0e-4, 1.0e-3]}",
        "lora: {rank: [4, 8]}",
        "lora.dora: [true, false]",
        "classification.threshold: [0.1, 0.2]",
    ],
)
def test_what_would_be_searched_is_shown_as_the_space_takes_it(tree):
    problems = problems_of(toy_tree(**yaml.safe_load(tree)))
    written = next(each for each in problems if "to search it" in each).split("`")[1]
    (searched,) = SweepSpec.parse(toy_tree(space=yaml.safe_load(written))).space
    assert written.startswith(f"{searched}: ")


@pytest.mark.parametrize(
    "tree", ["compile: [true, false]", "toy: {seconds: [1, 2]}", "schedule: {}"]
)
def test_what_cannot_be_searched_is_not_sent_to_the_space(tree):
    problems = problems_of(toy_tree(**yaml.safe_load(tree)))
    assert problems and "to search it" not in str(problems)

"""What a budget comes to is said, and where it cannot be kept."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from spec_samples import sft_tree

from sweeps.base.errors import SweepError
from sweeps.base.view import View
from sweeps.home.home import SweepHome
from sweeps.inputs.budgets import description, extents, remarks
from sweeps.inputs.prepare import prepare
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import TokenSequence, write
from trainables.training.inputs import Inputs

TOKENS = 47
"""Of each example, of which there are 200."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    train = tmp_path_factory.mktemp("budgets") / "train"
    write(train, [TokenSequence.of([1] * TOKENS, [True] * TOKENS)] * 200)
    return Inputs(ModelSource("model"), train=train, validation=train)


def told(tmp_path: Path, inputs: Inputs, budget: dict, **change) -> tuple[str, list[str]]:
    spec = SweepSpec.parse(sft_tree(tmp_path, budget={"trials": 4, **budget}, **change))
    found = extents(spec, inputs)
    return description(spec, found), remarks(spec, found)


SEARCHED = {"space": {"batch_size": {"choice": [8, 16, 32, 64]}}}


@pytest.mark.parametrize("evaluations", [1, 4, 9])
def test_steps_and_points_are_those_of_each_batch_size(tmp_path, inputs, evaluations):
    budget = {"trials": 4, "epochs": 2, "evaluations": evaluations}
    found = extents(SweepSpec.parse(sft_tree(tmp_path, budget=budget, **SEARCHED)), inputs)
    steps = {size: math.ceil(2 * 200 / size) for size in (8, 16, 32, 64)}
    assert {extent.params["batch_size"]: extent.steps for extent in found} == steps
    for extent in found:
        assert extent.points == min(evaluations, extent.steps)
        assert extent.trained == extent.steps * extent.params["batch_size"]


def test_a_budget_that_can_be_kept_is_described_and_not_remarked_upon(tmp_path, inputs):
    assert told(tmp_path, inputs, {"epochs": 1}, batch_size=8) == (
        "Each trial trains 25 steps (budget.epochs 1) and is evaluated 4 times",
        [],
    )
    assert told(tmp_path, inputs, {"steps": 30, "evaluations": 1}) == (
        "Each trial trains 30 steps (budget.steps 30) and is evaluated once",
        [],
    )


def test_a_budget_below_one_step_is_told_with_what_is_trained(tmp_path, inputs):
    line, said = told(tmp_path, inputs, {"tokens": 100, "evaluations": 1}, batch_size=32)
    assert line == "Each trial trains 1 step (budget.tokens 100) and is evaluated once"
    assert said == [
        f"budget.tokens 100 is rounded up to whole batches: 1 step ({32 * TOKENS:,} tokens); "
        "raise the budget, or lower batch_size."
    ]


def test_the_batch_sizes_that_cannot_keep_a_budget_are_named(tmp_path, inputs):
    line, said = told(tmp_path, inputs, {"epochs": 1, "evaluations": 9}, **SEARCHED)
    assert line == (
        "Each trial trains 25 steps with batch_size 8, 13 steps with batch_size 16, 7 steps "
        "with batch_size 32, 4 steps with batch_size 64 (budget.epochs 1) and is evaluated 4 to 9 "
        "times"
    )
    assert said == [
        "budget.evaluations 9 exceeds the steps of a trial, the maximum number of evaluations: 7 "
        "with batch_size 32, 4 with batch_size 64; raise the budget, or lower batch_size or "
        "budget.evaluations.",
        "budget.epochs 1 (200 examples) is rounded up to whole batches: 7 steps (224 examples) "
        "with batch_size 32, 4 steps (256 examples) with batch_size 64; raise the budget, or lower "
        "batch_size.",
    ]


@pytest.mark.parametrize(
    ("sizes", "budget", "said"),
    [
        ([2, 4], {"steps": 6}, "Each trial trains 6 steps (budget.steps 6)"),
        ([66, 90, 40], {"epochs": 1}, "5 steps with batch_size 40, 4 steps with batch_size 66, 3 "),
        (
            [70, 90, 40],
            {"epochs": 1},
            "5 steps with batch_size 40, 3 steps with batch_size 70 or 90",
        ),
        ([*range(67, 73), 40], {"epochs": 1}, "3 steps with batch_size 67 or 5 others ("),
    ],
)
def test_each_number_of_steps_names_the_batch_sizes_that_have_it(
    tmp_path, inputs, sizes, budget, said
):
    space = {"batch_size": {"choice": sizes}}
    line, _ = told(tmp_path, inputs, {**budget, "evaluations": 2}, space=space)
    assert said in line


def test_of_many_batch_sizes_the_ends_are_named(tmp_path, inputs):
    space = {"batch_size": {"int": [1, 100]}}
    line, said = told(tmp_path, inputs, {"epochs": 1, "evaluations": 3}, space=space)
    assert line.startswith(
        "Each trial trains 200 steps with batch_size 1 to 2 steps with batch_size 100 (budget."
    )
    assert "2 with batch_size 100; raise" in said[0]


def test_a_budget_that_no_trial_can_have_ends_the_launch(tmp_path, inputs):
    with pytest.raises(SweepError, match="this sweep has no valid trial: the budget is 200"):
        told(tmp_path, inputs, {"epochs": 1e6}, **SEARCHED)


def test_a_ramp_counts(tmp_path, inputs):
    ramp = {"batch_ramp": {"start_fraction": 0.25, "fraction": 1.0}, "micro_batch_size": 8}
    line, _ = told(tmp_path, inputs, {"epochs": 1}, batch_size=8, **ramp)
    held = {steps: sum(8 * (0.25 + 0.75 * n / steps) for n in range(steps)) for steps in (40, 41)}
    assert held[40] < 200 < held[41] and "trains 41 steps" in line


def test_a_mixtures_longer_examples_count(tmp_path, inputs):
    write(tmp_path / "mix", [TokenSequence.of([1] * 10 * TOKENS, [True] * 10 * TOKENS)] * 5)
    mixed = dataclasses.replace(inputs, mix=tmp_path / "mix")
    data = {"train": str(tmp_path / "data.jsonl")}
    change = {
        "data": {**data, "mix": data},
        "space": {"data.mix.proportion": {"choice": [0.0, 0.5]}},
    }
    line, _ = told(tmp_path, mixed, {"tokens": 100 * TOKENS}, batch_size=1, **change)
    # 9 pairs of 11 times as many tokens, and one more.
    assert line.startswith(
        "Each trial trains 100 steps with data.mix.proportion 0.0, 19 steps with data.mix."
    )


def test_a_launch_tells_it_before_the_first_trial(data, tmp_path):
    class Lines(View):
        def say(self, text):
            told.append(text)

    told = []
    spec = SweepSpec.parse(
        {
            "name": "real",
            "model": str(data / "models/stories260K_hf"),
            "data": {"train": str(data / "sft/instruction-data.json"), "max_length": 128},
            "budget": {"trials": 3, "tokens": 100, "evaluations": 1},
            "space": {"batch_size": {"choice": [8, 16]}},
        }
    )
    prepare(spec, SweepHome(tmp_path), Lines())
    assert told[-4].startswith("Each trial trains 1 step (budget.tokens 100)")
    assert told[-3].startswith("Evaluation reads ")
    assert told[-2].startswith("Note: budget.tokens 100 is rounded up to whole batches: 1 step (")
    assert told[-1].startswith("Note: By tokens, evaluation takes about ")

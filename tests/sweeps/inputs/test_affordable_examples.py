"""`evaluation.examples: auto` is a number known from the file and the data."""

from __future__ import annotations

import dataclasses

import pytest
from spec_samples import sft_tree

from sweeps.base.view import View
from sweeps.home.home import SweepHome
from sweeps.inputs.affordable_examples import LEAST, settled
from sweeps.inputs.budgets import extents
from sweeps.inputs.evaluation_share import evaluation_share
from sweeps.inputs.prepare import prepare
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import TokenSequence, write
from trainables.training.inputs import Inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    """1,000 tokens to train on, 20,000 to validate on, and 8,000 in another set."""
    folder = tmp_path_factory.mktemp("sets")
    for name, examples, tokens in (
        ("train", 100, 10),
        ("validation", 1000, 20),
        ("other", 80, 100),
    ):
        write(folder / name, [TokenSequence.of([1] * tokens, [True] * tokens)] * examples)
    return Inputs(ModelSource("model"), train=folder / "train", validation=folder / "validation")


def asked(tmp_path, epochs, **evaluation):
    budget = {"trials": 2, "epochs": epochs, "evaluations": 9}
    evaluation = {"examples": "auto", **evaluation}
    return SweepSpec.parse(sft_tree(tmp_path, budget=budget, batch_size=10, evaluation=evaluation))


@pytest.mark.parametrize(
    ("epochs", "examples"),
    [
        # 100,000 tokens may be evaluated: 20,000 at the end, 8 times 10,000 before.
        (100, 500),
        (200, "all"),  # 9 times 20,000 are less than 200,000
        (1, LEAST),
        (20, LEAST),  # the end alone takes what may be evaluated
    ],
)
def test_it_keeps_evaluation_within_its_share(tmp_path, inputs, epochs, examples):
    assert settled(asked(tmp_path, epochs), inputs).trial.evaluation.examples == examples


@pytest.mark.parametrize("most", [0.3, 0.35, 0.4])
def test_more_examples_would_exceed_the_share(tmp_path, inputs, most):
    """The other set is read whole where it has fewer examples."""
    general = dataclasses.replace(inputs, general=inputs.train.with_name("other"))
    spec = settled(asked(tmp_path, 100, time_share=most), general)
    more = asked(tmp_path, 100, time_share=most, examples=spec.trial.evaluation.examples + 1)
    shares = (evaluation_share(each, general, extents(each, general)) for each in (spec, more))
    less, excess = (each.of_time for each in shares)
    assert less <= most < excess + 1e-3


def test_where_no_text_is_learned_it_is_all(tmp_path, inputs):
    """One right or wrong of an example says too little."""
    tree = {**asked(tmp_path, 1).tree, "objective": "classification"}
    assert settled(SweepSpec.parse(tree), inputs).trial.evaluation.examples == "all"


def test_it_is_settled_once(tmp_path, inputs):
    spec = settled(asked(tmp_path, 100), inputs)
    assert "examples: 500" in spec.text()
    assert settled(spec, inputs) is spec
    assert settled(asked(tmp_path, 100, examples=7), inputs).trial.evaluation.examples == 7
    once = sft_tree(
        tmp_path, budget={"trials": 2, "evaluations": 1}, evaluation={"examples": "auto"}
    )
    assert settled(SweepSpec.parse(once), inputs).trial.evaluation.examples == "all"


def test_a_launch_says_the_number_and_keeps_it(data, tmp_path):
    class Lines(View):
        def say(self, text):
            told.append(text)

    told = []
    file = str(data / "sft/instruction-data.json")
    spec = SweepSpec.parse(
        {
            "name": "real",
            "model": str(data / "models/stories260K_hf"),
            "data": {"train": file, "validation": 0.3, "max_length": 128},
            "budget": {"trials": 3, "tokens": 1000},
            "evaluation": {"examples": "auto"},
            "space": {"batch_size": {"choice": [1, 2]}},
        }
    )
    kept, _ = prepare(spec, SweepHome(tmp_path), Lines())
    assert f"evaluation.examples: auto is {LEAST}." in told
    assert f"examples: {LEAST}" in kept.text()
    assert any("lower evaluation.examples" in line for line in told)

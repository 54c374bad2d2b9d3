"""How many examples a sweep file may ask to be measured before a trial's end."""

from __future__ import annotations

import dataclasses

import pytest
from spec_samples import problems_of, sft_tree, toy_tree

from sweeps.inputs.evaluation_share import larger_than_sets
from sweeps.spec.notes import notes
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.data.tokens.sequences import TokenSequence, write
from trainables.training.inputs import Inputs


@pytest.mark.parametrize("examples", [0, -3, 2.5, "some", True, [1]])
def test_no_number_of_examples_is_refused(tmp_path, examples):
    (problem,) = problems_of(sft_tree(tmp_path, evaluation={"examples": examples}))
    said = f"must be a number of examples, got {examples!r}; write 1 or more, all or auto"
    assert problem == f"evaluation.examples: {said}"


def test_trials_of_one_sweep_are_measured_on_the_same_examples(tmp_path):
    space = {"evaluation.examples": {"choice": [10, 20]}}
    (problem,) = problems_of(sft_tree(tmp_path, space=space))
    assert "every trial must be measured in the same way" in problem


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        (toy_tree(), "objective toy measures no examples"),
        ({"budget": {"trials": 2, "evaluations": 1}}, "with budget.evaluations 1"),
    ],
)
def test_where_it_has_no_effect_it_is_said(tmp_path, tree, why):
    whole = tree if "space" in tree else sft_tree(tmp_path, **tree)
    given = notes(SweepSpec.parse({**whole, "evaluation": {"examples": 10}}))
    assert any(note.startswith(f"evaluation.examples has no effect: {why}") for note in given)
    assert not any("examples" in note for note in notes(SweepSpec.parse(whole)))


def test_where_it_has_one_nothing_is_said(tmp_path):
    spec = SweepSpec.parse(sft_tree(tmp_path, evaluation={"examples": 10}))
    assert not any("evaluation.examples" in note for note in notes(spec))


@pytest.mark.parametrize(("examples", "noted"), [("all", False), (39, False), (40, True)])
def test_more_than_the_largest_set_has_are_the_set(tmp_path, examples, noted):
    for name, count in (("validation", 5), ("general", 40)):
        write(tmp_path / name, [TokenSequence.of([1, 2], [True, True])] * count)
    validation = tmp_path / "validation"
    inputs = Inputs(ModelSource("model"), validation, validation)
    inputs = dataclasses.replace(inputs, general=tmp_path / "general")
    spec = SweepSpec.parse(sft_tree(tmp_path, evaluation={"examples": examples}))
    said = larger_than_sets(spec, inputs)
    assert bool(said) == noted
    if noted:
        assert said == "evaluation.examples 40 has no effect: there are 40 to evaluate on."

"""Trials that are measured on a part of the validation set before their end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny_training as tiny

from trainables.data.tokens.examples import Examples
from trainables.data.tokens.part import part_of

EXAMPLES = 5


class Asking(tiny.Watcher):
    """Has the rest measured at some points, and notes what it was asked."""

    def __init__(self, *points, **settings):
        super().__init__(**settings)
        self._points = points
        self.asked = []

    def wants_whole(self, evaluation):
        self.asked.append(evaluation)
        return evaluation.point in self._points


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    folder = tmp_path_factory.mktemp("part")
    inputs = tiny.make_inputs(folder)
    general = tiny.make_sequences(folder / "general", 17, seed=3)
    return Workshop(dataclasses.replace(inputs, general=general))


@pytest.fixture(scope="module")
def whole(workshop, tmp_path_factory):
    """The same trial measured on all at each point, with the losses of its last evaluation."""
    folder = tmp_path_factory.mktemp("whole")
    _, watcher = tiny.run_trial(workshop, tiny.Watcher(folder))
    return watcher.seen, np.load(folder / "losses.npz")


def on_a_part(workshop, *points, **params):
    watcher = Asking(*points)
    outcome, _ = tiny.run_trial(workshop, watcher, evaluation__examples=EXAMPLES, **params)
    assert outcome.ending == "complete"
    return watcher


def test_before_its_end_there_is_only_the_part_and_at_its_end_both(workshop, whole):
    (middle, end), losses = whole
    watcher = on_a_part(workshop)
    first, last = watcher.seen
    assert (first.whole, last.whole) == (False, True) and not first.metrics
    assert last.metrics == pytest.approx(end.metrics, abs=1e-6)
    assert first.subset.keys() == last.subset.keys() == middle.metrics.keys()
    assert [each.point for each in watcher.asked] == [1], "the last is on the whole set anyway"
    part = part_of(workshop.validation_set, EXAMPLES, tiny.TRIAL.data.seed).places
    expected = losses["loss_sums"][part].sum() / losses["token_counts"][part].sum()
    assert last.subset["eval_loss"] == pytest.approx(expected, abs=1e-6)
    assert abs(last.subset["eval_loss"] - last.metrics["eval_loss"]) > 1e-3, "not the same examples"


def test_what_may_become_a_result_is_measured_on_the_rest_too(workshop, whole):
    (middle, end), _ = whole
    first, last = on_a_part(workshop, 1).seen
    assert first.whole and first.metrics == pytest.approx(middle.metrics, rel=1e-6)
    assert first.subset == pytest.approx(on_a_part(workshop).seen[0].subset, abs=1e-6)
    assert last.metrics == pytest.approx(end.metrics, abs=1e-6), "training is the same"


def test_the_general_set_is_measured_on_as_many_with_the_base_on_the_same(workshop):
    first, _ = on_a_part(workshop).seen
    with workshop.untouched(tiny.trial()) as base:
        general = Examples(workshop.inputs.general)
        scores = tiny.measured(base, general.folder)
    places = part_of(general, EXAMPLES, tiny.TRIAL.data.seed).places
    known = scores.losses[places].sum() / scores.counts[places].sum()
    change = first.subset["eval_general_loss"] - first.subset["eval_general_change"]
    assert change == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("examples", [12, 13, 1000])
def test_a_set_that_is_no_larger_is_measured_whole(workshop, whole, examples):
    """The validation set has 13 examples and the general set 17."""
    watcher = Asking()
    tiny.run_trial(workshop, watcher, evaluation__examples=examples)
    first = watcher.seen[0]
    assert first.whole == (examples > 17)
    if examples >= 13:
        expected = whole[0][0].metrics["eval_loss"]
        assert first.compared["eval_loss"] == pytest.approx(expected, abs=1e-6)


def test_pairs_are_measured_in_parts(tmp_path):
    from trainables.training.workshop import Workshop

    pairs = Workshop(tiny.make_pairs(tiny.make_inputs(tmp_path), 40, 13))
    params = {"objective": "dpo", "learning_rate": 1e-3}
    _, all_of_it = tiny.run_trial(pairs, tiny.Watcher(), **params)
    first, last = on_a_part(pairs, **params).seen
    assert not first.whole and first.subset.keys() == all_of_it.seen[0].metrics.keys()
    assert last.metrics == pytest.approx(all_of_it.seen[-1].metrics, abs=1e-6)

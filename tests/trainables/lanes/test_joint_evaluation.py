"""Lanes that are due together are measured by the same passes, each as it would be alone."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_training as tiny
import torch
from lane_training import Kept, entry, in_lanes, run_lanes

from trainables.core.evaluation import Ending
from trainables.lanes import loop
from trainables.lanes.joint import JointEvaluation

OTHERS = ({"lora__rank": 8, "seed": 5}, {"lora__target_modules": "attention"})


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("joint")))


@pytest.fixture
def groups(monkeypatch):
    """The numbers of lanes that are measured together, in a list that grows."""
    seen = []
    rows = JointEvaluation.rows

    def watched(self, lanes):
        seen.append(len(lanes))
        return rows(self, lanes)

    monkeypatch.setattr(JointEvaluation, "rows", watched)
    return seen


def test_lanes_that_are_due_together_are_measured_as_alone(workshop, groups):
    configs = [tiny.trial(), *(tiny.trial(**params) for params in OTHERS)]
    together = in_lanes(workshop, *configs)
    assert groups == [3, 3]
    for kept, config in zip(together, configs, strict=True):
        (alone,) = in_lanes(workshop, config)
        assert kept.losses == pytest.approx(alone.losses, abs=1e-6)
        ours, theirs = (each.seen[-1].metrics for each in (kept, alone))
        assert ours == pytest.approx(theirs, abs=1e-6)
    assert groups == [3, 3], "a lane that is due alone is measured alone"


def test_each_example_has_its_own_loss(workshop, tmp_path):
    configs = [tiny.trial(), *(tiny.trial(**params) for params in OTHERS)]
    for name, lanes in (("together", 3), ("alone", 1)):
        watchers = [Kept(folder=tmp_path / name / str(number)) for number in range(3)]
        entries = [entry(*each) for each in zip(configs, watchers, strict=True)]
        run_lanes(workshop, *entries, lanes=lanes)
    for number in range(3):
        ours, theirs = (
            np.load(tmp_path / name / str(number) / "losses.npz") for name in ("together", "alone")
        )
        np.testing.assert_allclose(ours["loss_sums"], theirs["loss_sums"], atol=1e-5)
        np.testing.assert_array_equal(ours["token_counts"], theirs["token_counts"])


def test_no_pass_is_of_more_tokens_than_pay(workshop):
    def fake(size, ends=False):
        return SimpleNamespace(config=SimpleNamespace(micro_batch_size=size), ends=ends)

    joint = JointEvaluation(workshop, None, None)
    longest = workshop.validation_set.longest
    lanes = [fake(4), fake(8), fake(4)]
    assert [len(each) for each in joint.groups(lanes, None)] == [3]
    assert [len(each) for each in joint.groups(lanes, 2 * 4 * longest)] == [2, 1]
    assert [len(each) for each in joint.groups(lanes, 4 * longest - 1)] == [1, 1, 1]
    assert joint.groups([], 100) == []
    assert [len(each) for each in joint.groups([*lanes, fake(4, ends=True)], None)] == [1, 3]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), RuntimeError("broken")])
def test_after_an_error_each_is_measured_alone(workshop, monkeypatch, error):
    def never(*_):
        raise error

    config = tiny.trial()
    (alone,) = in_lanes(workshop, config)
    monkeypatch.setattr(JointEvaluation, "rows", never)
    first, second = in_lanes(workshop, config, tiny.trial(seed=2))
    assert first.losses == pytest.approx(alone.losses, abs=1e-6)
    assert second.outcome.ending is Ending.COMPLETE


def test_a_lane_that_diverges_where_all_are_measured_spoils_no_other(workshop, groups, monkeypatch):
    """Its loss is not finite from the step before the evaluation on."""

    class Poisoned(Kept):
        def asked_to_end(self):
            super().asked_to_end()
            if self.steps == 1:
                with torch.no_grad():
                    lanes[1].adapter.parameters[0].fill_(math.nan)

    lanes = []
    sit = loop.seated
    monkeypatch.setattr(loop, "seated", lambda *rest: lanes.append(sit(*rest)) or lanes[-1])
    config = tiny.trial(budget__steps=4, budget__evaluations=2)
    entries = [entry(config), entry(tiny.trial(seed=3), Poisoned()), entry(tiny.trial(seed=4))]
    good, bad, other = run_lanes(workshop, *entries)
    assert bad.outcome.ending is Ending.DIVERGED and not bad.seen
    assert groups[0] == 3
    (alone,) = in_lanes(workshop, config)
    assert good.losses == pytest.approx(alone.losses, abs=1e-6)
    assert other.outcome.ending is Ending.COMPLETE


def test_of_lanes_due_together_those_at_their_end_are_measured_whole(workshop, groups):
    part = {"evaluation__examples": 5}
    short = {"budget__steps": 2, "budget__evaluations": 1}
    configs = [tiny.trial(**part), tiny.trial(**part, seed=5), tiny.trial(**part, **short, seed=6)]
    together = in_lanes(workshop, *configs)
    assert groups == [2, 2], "the third is alone at its end, beside two at their first point"
    for kept, config in zip(together, configs, strict=True):
        (alone,) = in_lanes(workshop, config)
        for ours, theirs in zip(kept.seen, alone.seen, strict=True):
            assert ours.metrics == pytest.approx(theirs.metrics, rel=1e-6)
            assert ours.subset == pytest.approx(theirs.subset, rel=1e-6)
    assert [each.whole for each in together[0].seen] == [False, True]
    assert [each.whole for each in together[2].seen] == [True]

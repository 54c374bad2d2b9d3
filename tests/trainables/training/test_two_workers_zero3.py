"""ZeRO-3 on one process group of two workers, beside the same trials on one without DeepSpeed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_training as tiny
from torchrun import on_two_workers
from two_workers_zero3 import HIERARCHY, PREFERENCES, TRAIN, VALIDATION, preferred

from trainables.training.plan import make_plan

pytestmark = [pytest.mark.cluster, pytest.mark.ci]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return tiny.make_pairs(
        tiny.make_inputs(tmp_path_factory.mktemp("zero3")), train=TRAIN, validation=VALIDATION
    )


@pytest.fixture(scope="module")
def ranks(pairs):
    """What each of two workers saw."""
    return on_two_workers("two_workers_zero3.py", Path(pairs.model.name).parent)


@pytest.fixture(scope="module")
def alone(pairs):
    from trainables.training.workshop import Workshop

    return Workshop(pairs)


def test_ranks_remember_different_references():
    """Or the next test could not fail: where one knows a micro-batch's, the other does not."""
    config = tiny.trial(**PREFERENCES["lora, micro-batches of 1"])
    plan = make_plan(config, np.full(TRAIN, 9), workers=2)
    places = [plan.micro_batch(number) for number in range(plan.micro_batches)]
    known = [set(), set()]
    disagreed = 0
    for (first,), (second,) in zip(places[::2], places[1::2], strict=True):
        disagreed += (first in known[0]) != (second in known[1])
        known[0].add(first)
        known[1].add(second)
    assert disagreed > 0


@pytest.mark.parametrize("name", PREFERENCES)
def test_ranks_that_remember_different_references_learn_what_one_does(ranks, alone, name, tmp_path):
    made = ranks[0][name]
    expected = preferred(alone, tmp_path, **PREFERENCES[name])
    assert len(made["metrics"]) == 2
    for theirs, ours in zip(made["metrics"], expected["metrics"], strict=True):
        assert theirs == pytest.approx(ours, abs=1e-4)
    assert made["losses"] == pytest.approx(expected["losses"], abs=1e-4)
    assert made["counts"] == [1] * VALIDATION, (
        "each counts once, also where one rank made a pass more"
    )


@pytest.mark.parametrize("name", HIERARCHY)
def test_a_second_copy_on_each_node_changes_no_trial(ranks, name):
    made, without = ranks[0][name], ranks[0]["none"]
    assert made["losses"] == pytest.approx(without["losses"], abs=1e-6)
    assert made["metrics"][0]["eval_loss"] > made["metrics"][1]["eval_loss"]


def test_a_full_fine_tunes_reference_is_shared_and_left_nowhere(ranks):
    for each in ranks:
        held, whole = each["shares"]
        assert whole / 2 <= held < whole / 2 + 100, "half of it, and padding"
        assert each["left behind"] < 4 * whole / 20


def test_what_one_ranks_machine_lacks_is_refused_by_both(ranks):
    first, second = ranks
    assert first["refused"].startswith("slots.deepspeed.nvme_path: disk is not a writable folder")
    assert second["refused"] == first["refused"]
    assert first["after it"]["losses"] == pytest.approx(first["none"]["losses"], abs=1e-6)

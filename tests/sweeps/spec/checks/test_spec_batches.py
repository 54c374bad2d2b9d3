"""A ramp of the batch size that cannot be is refused when the spec is read."""

from __future__ import annotations

import pytest
from spec_samples import problems_of, sft_tree

from sweeps.spec.spec import SweepSpec

NO_RAMP = (
    "the micro-batch of a worker is 1 sequence, so a ramp cannot start smaller; raise "
    "batch_size or micro_batch_size, or leave batch_ramp out"
)


RAMP = {"start_fraction": 0.5}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"micro_batch_size": 1}, f"batch_ramp: {NO_RAMP}"),
        ({"batch_size": 7, "micro_batch_size": 4}, f"batch_ramp: {NO_RAMP}"),
        ({"batch_size": 4, "slots": {"workers": 4}}, f"batch_ramp: {NO_RAMP}"),
        ({"space": {"batch_size": {"choice": [11, 13]}}}, f"batch_ramp: {NO_RAMP}"),
        (
            {"space": {"batch_size": {"choice": [8, 11, 13]}}},
            f"space.batch_size: with batch_size 11, batch_size 13: {NO_RAMP}",
        ),
        (
            {"space": {"batch_size": {"int": [8, 32]}}},
            "space.batch_size: with batch_size 11, batch_size 13, batch_size 17, batch_size 19 "
            f"and 3 more: {NO_RAMP}",
        ),
        (
            {"space": {"batch_size": {"choice": [4, 6]}, "micro_batch_size": {"int": [1, 2]}}},
            "space.batch_size: with batch_size 4 and micro_batch_size 1, batch_size 6 and "
            f"micro_batch_size 1: {NO_RAMP}",
        ),
        (
            {
                "batch_ramp": {},
                "micro_batch_size": 1,
                "space": {"batch_ramp.start_fraction": {"uniform": [0.5, 1.0]}},
            },
            "space.batch_ramp.start_fraction: with batch_ramp.start_fraction 0.5: " + NO_RAMP,
        ),
    ],
)
def test_a_ramp_that_has_nothing_to_grow_is_refused_before_any_trial(change, problem, tmp_path):
    problems = problems_of(sft_tree(tmp_path, **{"batch_ramp": RAMP, **change}))
    assert problem in problems


@pytest.mark.parametrize(
    "change",
    [
        {"micro_batch_size": 1, "batch_ramp": {}},
        {"batch_size": 4, "slots": {"workers": 2}},
        {"batch_size": 9, "micro_batch_size": 4},
        {
            "micro_batch_size": 1,
            "batch_ramp": {},
            "space": {
                "batch_size": {"choice": [4, 8]},
                "batch_ramp.fraction": {"uniform": [0.1, 0.5]},
            },
        },
        {
            "batch_ramp": {},
            "space": {
                "micro_batch_size": {"choice": [1, 2]},
                "batch_ramp.start_fraction": {"choice": [0.5], "when": {"micro_batch_size": 2}},
            },
        },
    ],
)
def test_a_ramp_that_can_grow_is_not_refused(change, tmp_path):
    assert SweepSpec.parse(sft_tree(tmp_path, **{"batch_ramp": RAMP, **change}))

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.config.optimizer_config import ScheduleName
from trainables.config.trial import TrialConfig
from trainables.training.schedules import multiplier

TOY = TrialConfig(model="toy", objective="toy")


def rates(steps, **params):
    """The factors at 0 .. steps."""
    at = multiplier(TOY.with_params({k.replace("__", "."): v for k, v in params.items()}), steps)
    return [at(step) for step in range(steps + 1)]


def transformers_rates(make, steps, **options):
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = make(optimizer, num_training_steps=steps, **options)
    return [schedule.lr_lambdas[0](step) for step in range(steps + 1)]


@pytest.mark.parametrize("steps", [1, 7, 100])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_decay_is_that_of_transformers(name, warmup, steps):
    from transformers import optimization

    make = getattr(optimization, f"get_{name}_schedule_with_warmup")
    n = round(warmup * steps)
    theirs = transformers_rates(make, steps, num_warmup_steps=n)
    ours = rates(steps, schedule=name, warmup_fraction=warmup)
    assert ours[n:] == pytest.approx(theirs[n:], abs=1e-12)
    # Theirs wastes the first step on a rate of 0; ours is one step ahead until the peak.
    assert ours[:n] == pytest.approx(theirs[1 : n + 1])


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize(("steps", "decay"), [(10, 0.2), (100, 0.35), (50, 1.0)])
def test_wsd_is_that_of_transformers_with_a_straight_decay(steps, decay, floor):
    from transformers import get_wsd_schedule

    theirs = transformers_rates(
        get_wsd_schedule,
        steps,
        num_warmup_steps=0,
        num_decay_steps=round(decay * steps),
        decay_type="linear",
        min_lr_ratio=floor,
    )
    ours = rates(
        steps, schedule="wsd", warmup_fraction=0, wsd__decay_fraction=decay, floor_fraction=floor
    )
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_cosine_with_a_floor_is_that_of_transformers():
    from transformers import get_cosine_with_min_lr_schedule_with_warmup as make

    theirs = transformers_rates(make, 40, num_warmup_steps=0, min_lr_rate=0.1)
    ours = rates(40, schedule="cosine", warmup_fraction=0, floor_fraction=0.1)
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_wsd_by_hand():
    got = rates(10, schedule="wsd", warmup_fraction=0.2, wsd__decay_fraction=0.4)
    assert got == pytest.approx([1 / 2, 1, 1, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4, 0])


def test_constant_stays_up_whatever_the_floor():
    got = rates(8, schedule="constant", warmup_fraction=0.5, floor_fraction=0.3)
    assert got == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("schedule", ScheduleName.__args__)
def test_a_trial_shows_the_floor_that_its_schedule_has(schedule):
    floors = [rates(8, schedule=schedule, floor_fraction=floor) for floor in (0.0, 0.3)]
    shown = TOY.with_params({"schedule": schedule}).flat()
    assert ("floor_fraction" in shown) == (floors[0] != floors[1])


def test_cosine_is_half_way_down_in_the_middle_of_its_decay():
    got = rates(12, schedule="cosine", warmup_fraction=1 / 6, floor_fraction=0.2)
    assert got[7] == pytest.approx((1 + 0.2) / 2)


@st.composite
def schedules(draw):
    warmup = draw(st.floats(0, 1))
    params = {
        "schedule": draw(st.sampled_from(["constant", "linear", "cosine", "wsd"])),
        "warmup_fraction": warmup,
        "floor_fraction": draw(st.floats(0, 1)),
        "wsd.decay_fraction": draw(st.floats(0.01, 1)),
    }
    if params["schedule"] == "wsd":
        params["warmup_fraction"] = warmup * (1 - params["wsd.decay_fraction"])
    return TOY.with_params(params)


@given(config=schedules(), steps=st.integers(1, 60))
def test_every_schedule_rises_over_the_warmup_then_never_again(config, steps):
    factors = [multiplier(config, steps)(step) for step in range(steps + 1)]
    warmup = round(config.warmup_fraction * steps)
    assert all(0 <= factor <= 1 for factor in factors)
    assert all(b > a for a, b in pairwise(factors[:warmup]))
    assert all(b <= a for a, b in pairwise(factors[warmup:]))
    assert max(factors[:steps]) == 1, "the peak rate is trained with, in whatever few steps"


@given(config=schedules(), steps=st.integers(1, 60))
def test_a_decaying_schedule_ends_at_its_floor(config, steps):
    end = multiplier(config, steps)(steps)
    decays = config.schedule != "constant" and round(config.warmup_fraction * steps) < steps
    if config.schedule == "wsd":
        decays = decays and round(config.wsd.decay_fraction * steps) > 0
    expected = config.floor_fraction if decays else 1.0
    assert math.isclose(end, expected, abs_tol=1e-12)

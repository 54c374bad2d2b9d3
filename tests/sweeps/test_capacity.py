from __future__ import annotations

import pytest

from sweeps.capacity import plan_slots
from sweeps.errors import CapacityError
from sweeps.settings import SlotsSettings
from trainables.gang import Gang


@pytest.mark.parametrize(
    ("settings", "resources", "expected"),
    [
        ({}, {"CPU": 2}, (1, Gang(1, 2.0, 0.0))),
        ({}, {"CPU": 64, "GPU": 8}, (8, Gang(1, 8.0, 1.0))),
        ({"workers": 4}, {"CPU": 16, "GPU": 8}, (2, Gang(4, 2.0, 1.0))),
        ({"gpus": 0.5}, {"CPU": 8, "GPU": 2}, (4, Gang(1, 2.0, 0.5))),
        ({"workers": 2}, {"CPU": 2}, (1, Gang(2, 1.0, 0.0))),
        ({"count": 2}, {"CPU": 4}, (2, Gang(1, 2.0, 0.0))),
        ({"gpus": 0.0}, {"CPU": 4, "GPU": 1}, (1, Gang(1, 4.0, 0.0))),
    ],
)
def test_slots_fill_the_machine(settings, resources, expected):
    assert plan_slots(SlotsSettings(**settings), resources, trials=100) == expected


def test_a_cluster_that_grows_is_asked_for_more_than_it_has():
    settings = SlotsSettings(max=6, gpus=1.0, cpus=4.0, workers=2)
    assert plan_slots(settings, {}, trials=100) == (6, Gang(2, 4.0, 1.0))
    assert plan_slots(settings, {}, trials=4)[0] == 4


def test_of_a_cluster_that_grows_the_gpus_of_a_worker_must_be_said():
    with pytest.raises(CapacityError, match=r"slots\.gpus"):
        plan_slots(SlotsSettings(max=6), {"CPU": 4}, trials=100)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"count": 2, "max": 3}, "keep one"), ({"min": 4, "max": 3}, "above max")],
)
def test_settings_that_contradict_each_other_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        SlotsSettings(**wrong)


def test_there_are_no_more_slots_than_trials():
    assert plan_slots(SlotsSettings(), {"CPU": 64, "GPU": 8}, trials=3)[0] == 3


@pytest.mark.parametrize(
    ("settings", "resources"),
    [
        ({"workers": 4}, {"CPU": 2}),
        ({"gpus": 1.0}, {"CPU": 2}),
        ({"count": 9}, {"CPU": 64, "GPU": 8}),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(settings, resources):
    with pytest.raises(CapacityError, match=r"need .* and there are"):
        plan_slots(SlotsSettings(**settings), resources, trials=100)

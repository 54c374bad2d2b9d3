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

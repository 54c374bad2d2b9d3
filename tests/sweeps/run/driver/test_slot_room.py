"""How many trials a search has under way at most."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray

from sweeps.run.driver.slot_room import SlotRoom
from sweeps.spec.spec import SweepSpec
from trainables.lanes.limits import MOST


def spec(**changes):
    return SweepSpec.parse(
        {
            "name": "rooms",
            "model": "m",
            "data": {"train": "builtin:pydoc"},
            "budget": {"trials": 100, "steps": 100},
            "space": {"learning_rate": {"log_uniform": [1e-5, 1e-3]}},
            **changes,
        }
    )


def most_under_way(room, **answers):
    """So many trials are begun before there is no room; 1000 stands for no bound."""
    board = SimpleNamespace(**{name: lambda value=value: value for name, value in answers.items()})
    for number in range(1000):
        if not room.is_free(board, SimpleNamespace(under_way=lambda count=number: count)):
            return number
    return 1000


@pytest.mark.parametrize(
    ("slots", "answers", "most"),
    [
        ({}, {"lanes": 0}, 3),  # no slot is up
        ({}, {"lanes": 2}, 3),  # two slots that have found nothing yet
        ({}, {"lanes": 9}, 9),
        ({"max": 4, "gpus": 1.0}, {"lanes": 0}, 1),
        ({"max": 4, "gpus": 1.0}, {"lanes": 9}, 9),
        ({"lanes": 4, "max": 4, "gpus": 1.0}, {"alive": 0}, 4),
        ({"lanes": 4, "max": 4, "gpus": 1.0}, {"alive": 2}, 8),
        ({"lanes": 1, "max": 4, "gpus": 1.0}, {"alive": 2}, 2),
        ({"max": 4, "gpus": 1.0, "workers": 2}, {"alive": 2}, 2),
        ({"lanes": 4}, {}, 1000),  # Tune's own bound
        ({"lanes": 1}, {}, 1000),
    ],
)
def test_as_many_trials_as_the_slots_have_lanes(slots, answers, most):
    assert most_under_way(SlotRoom.of(spec(slots=slots), 3), **answers) == most


def test_a_lost_board_has_no_room():
    def lost():
        raise ray.exceptions.RayActorError()

    board, recorder = SimpleNamespace(lanes=lost), SimpleNamespace(under_way=lambda: 0)
    assert not SlotRoom.of(spec(), 2).is_free(board, recorder)


def test_a_slot_is_told_what_trials_at_once_are_worth_to_the_sampler():
    """By the trials that TPE needs: 15, 15, 17, 22 and 27 with 1, 2, 4, 8 and 16 at once."""
    lanes = SlotRoom.of(spec(), 1).lanes
    assert (lanes.most, lanes.trials) == (MOST, 100)
    found = {n: lanes.worth(n) for n in (1, 2, 4, 8, 16)}
    assert found == pytest.approx({1: 1, 2: 1, 4: 15 / 17, 8: 15 / 22, 16: 15 / 27})
    assert 15 / 22 < lanes.worth(6) < 15 / 17

    two = SlotRoom.of(spec(), 2)
    assert two.most == 2 * MOST
    assert [two.lanes.worth(n) for n in (1, 2, 4)] == pytest.approx([1, 15 / 17, 15 / 22])

    random = SlotRoom.of(spec(search={"sampler": "random"}), 1)
    assert set(random.lanes.worths) == {1.0}


def test_no_slot_looks_for_more_lanes_than_it_has_trials():
    few = SlotRoom.of(spec(budget={"trials": 6, "steps": 100}), 2)
    assert few.lanes.trials == few.lanes.most == 3


def test_a_slot_counts_the_trials_that_early_stopping_leaves():
    """Its evaluations are a ninth of a budget apart, after the first of which asha stops two of
    three."""
    asha = SlotRoom.of(
        spec(
            budget={"trials": 100, "steps": 900, "evaluations": 9},
            search={"early_stopping": "asha"},
        ),
        1,
    )
    assert asha.lanes.trials == 100 and 0.2 < asha.lanes.trained < 0.4
    whole = SlotRoom.of(spec(search={"early_stopping": "none"}), 1)
    assert whole.lanes.trained == 1.0

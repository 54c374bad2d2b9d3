"""How many trials a search has under way at most."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import ray

from sweeps.run.slot_room import has_room
from sweeps.spec.settings import SlotsSettings


def most_under_way(settings, **answers):
    """So many trials are begun before there is no room; 1000 stands for no bound."""
    board = SimpleNamespace(**{name: lambda value=value: value for name, value in answers.items()})
    for number in range(1000):
        if not has_room(settings, board, SimpleNamespace(under_way=lambda count=number: count)):
            return number
    return 1000


@pytest.mark.parametrize(
    ("settings", "answers", "most"),
    [
        ({"lanes": "auto"}, {"lanes": 0}, 1),  # no slot is up
        ({"lanes": "auto"}, {"lanes": 3}, 3),  # three slots that have found nothing yet
        ({"lanes": "auto"}, {"lanes": 9}, 9),
        ({"lanes": "auto", "max": 4, "gpus": 1.0}, {"lanes": 9}, 9),
        ({"lanes": 4, "max": 4, "gpus": 1.0}, {"alive": 0}, 4),
        ({"lanes": 4, "max": 4, "gpus": 1.0}, {"alive": 2}, 8),
        ({"max": 4, "gpus": 1.0}, {"alive": 2}, 2),
        ({"lanes": "auto", "max": 4, "gpus": 1.0, "workers": 2}, {"alive": 2}, 2),
        ({"lanes": 4}, {}, 1000),  # Tune's own bound
    ],
)
def test_as_many_trials_as_the_slots_have_lanes(settings, answers, most):
    assert most_under_way(SlotsSettings(**settings), **answers) == most


def test_a_lost_board_has_no_room():
    def lost():
        raise ray.exceptions.RayActorError()

    board, recorder = SimpleNamespace(lanes=lost), SimpleNamespace(under_way=lambda: 0)
    assert not has_room(SlotsSettings(lanes="auto"), board, recorder)

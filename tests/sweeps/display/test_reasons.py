from __future__ import annotations

import pytest

from sweeps.display.reasons import ToldReasons, grouped, numbered


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "trial 3"),
        ([3, 5], "trials 3 and 5"),
        ([7, 3, 5, 6], "4 trials (3, 5 to 7)"),
        (list(range(40)), "40 trials (0 to 39)"),
        (
            list(range(0, 60, 2)),
            "30 trials (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22 and 18 more)",
        ),
    ],
)
def test_trials_are_named_by_their_numbers(numbers, words):
    assert numbered(numbers) == words


def test_a_reason_that_several_trials_share_is_told_once():
    reasons = [(0, "failed: boom"), (1, "pruned"), (2, "failed: boom"), (3, "failed: boom")]
    assert grouped(reasons) == ["3 trials (0, 2, 3): failed: boom", "trial 1: pruned"]


def test_messages_that_differ_by_the_trials_own_folder_only_are_one():
    reasons = [(n, f"failed: no room for /home/trials/{n:04d}/best") for n in (1, 12)]
    assert grouped(reasons) == ["trials 1 and 12: failed: no room for /home/trials/…/best"]
    other = [(1, "failed: /home/trials/0007/best"), (2, "failed: /home/trials/0008/best")]
    assert len(grouped(other)) == 2, "another trial's folder says something"


def test_line_by_line_a_reason_is_told_in_full_by_the_first_trial_that_has_it():
    told = ToldReasons()
    assert [told.tell(n, why) for n, why in ((4, "boom"), (5, "boom"), (6, "bang"))] == [
        "boom",
        "as trial 4",
        "bang",
    ]

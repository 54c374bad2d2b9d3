from __future__ import annotations

import pytest

from sweeps.base.closing import after, try_all


def raising(error):
    def step():
        raise error

    return step


def test_every_step_is_taken_and_the_first_error_is_the_one_that_is_raised():
    taken = []
    with pytest.raises(OSError, match="disk full") as first:
        try_all(
            lambda: taken.append(1),
            raising(OSError("disk full")),
            raising(KeyboardInterrupt()),
            lambda: taken.append(2),
            raising(ValueError("later")),
        )
    assert taken == [1, 2]
    assert [note.split(": ")[-1] for note in first.value.__notes__] == ["", "later"]


def test_steps_that_go_well_raise_nothing():
    try_all(lambda: None, lambda: 3)


def test_what_goes_wrong_afterwards_hides_no_error():
    first = ValueError("first")
    with after(first):
        raise KeyboardInterrupt
    assert "KeyboardInterrupt" in first.__notes__[0]

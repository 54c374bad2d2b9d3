"""Values in tables and sentences: differences that exist can be seen."""

from __future__ import annotations

import pytest

from results.ranking.figures import apart, places, size


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([2.5, 2.25], 4),
        ([0.0, 8e-6], 5),
        ([0.0, 8e-6, 8.3e-6], 7),
        ([1.0, 1.0], 4),
        ([1.0, 1.0 + 1e-12], 8),
        ([], 4),
    ],
)
def test_a_column_has_as_many_places_as_its_closest_values_need(values, count):
    assert places(values) == count


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (0.12345, "0.1235"), (8.31e-6, "8.3e-06"), (1e-18, "0.0000"), (3, "3.0000")],
)
def test_a_small_difference_is_not_0(value, text):
    assert size(value) == text


def test_two_values_that_look_equal_get_the_digits_that_differ():
    assert apart(0.25, 0.5) is None and apart(0.25, 0.25) is None
    assert apart(7.91e-6, 8.12e-6) == ("7.9e-06", "8.1e-06")
    assert apart(1.0, 1.0000001) == ("1", "1.0000001")

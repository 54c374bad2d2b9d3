"""Counts of points, against the list of all of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from space_strategies import few_values, spaces

from search_spaces.counting import agreeing, count_points
from search_spaces.space import Space

SMALL = spaces(few_values).filter(lambda space: count_points(space, 400) < 400)


@settings(max_examples=60, deadline=None)
@given(SMALL, st.integers(1, 400))
def test_points_are_counted_up_to_a_limit(space, most):
    assert count_points(space, most) == min(len(space.grid()), most)


@settings(max_examples=60, deadline=None)
@given(SMALL, st.data())
def test_points_with_given_values_are_counted(space, data):
    points = space.grid()
    point = data.draw(st.sampled_from(points))
    names = data.draw(st.sets(st.sampled_from(list(point)))) if point else set()
    values = {name: point[name] for name in names}
    assert count_points(space, 400, values) == len(agreeing(space, points, values))


def test_an_infinite_space_has_as_many_points_as_anyone_asks_for():
    space = Space.parse(
        {
            "method": {"choice": ["lora", "full"]},
            "rate": {"uniform": [0, 1], "when": {"method": "lora"}},
            "size": {"int": [1, 3]},
        }
    )
    assert count_points(space, 10**9) == 10**9
    assert count_points(space, 10**9, {"method": "full"}) == 3
    assert count_points(space, 10**9, {"method": "full", "rate": 0.5}) == 3, "no rate there"
    assert count_points(space, 10**9, {"method": "lora", "rate": 0.5}) == 3


@given(few_values, st.data())
def test_the_other_values_of_a_domain_are_all_but_one_nearest_first(domain, data):
    grid = list(domain.grid())
    at = data.draw(st.integers(0, len(grid) - 1))
    found = [grid.index(value) for value in domain.others(grid[at])]
    assert sorted([*found, at]) == list(range(len(grid)))
    assert [abs(place - at) for place in found] == sorted(abs(place - at) for place in found)

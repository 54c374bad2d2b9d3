"""Dear functions known by few points, and the peaks of passes as curves."""

from __future__ import annotations

import pytest

from trainables.planning.chords import CLOSE, Chords, most_within
from trainables.planning.curves import Curve, Line, Stretch


def between(low, high, share):
    return low + share * (high - low)


def known(function, low, high):
    asked = []

    def measure(place):
        asked.append(place)
        return function(place)

    return Chords(measure, low, high, between, float), asked


def test_a_straight_line_is_measured_three_times():
    chords, asked = known(lambda rank: 1000 + 7 * rank, 1, 900)
    assert len(asked) == 3
    assert all(chords.at(rank) == pytest.approx(1000 + 7 * rank) for rank in range(1, 901))
    assert len(asked) == 3


@pytest.mark.parametrize(
    "function",
    [
        lambda n: max(5000, 100 * n),  # another moment of the pass takes most
        lambda n: 1000 * n + n * n,  # attention without flash
    ],
)
def test_a_convex_function_is_never_underestimated_and_met_within_a_little(function):
    chords, asked = known(function, 16, 4096)
    assert len(asked) <= 9
    for place in range(16, 4097, 7):
        assert chords.at(place) >= function(place) - 1e-6
        assert chords.at(place) <= function(place) * 1.15
    straight, _ = known(lambda n: 1000 * n + n, 16, 4096)
    assert straight.at(100) == pytest.approx(100_100, rel=CLOSE)


def test_outside_of_the_range_it_is_measured():
    chords, asked = known(lambda n: n * n, 4, 8)
    assert chords.at(100) == 10_000 and asked[-1] == 100


@pytest.mark.parametrize(("room", "most"), [(10, 0), (100, 1), (350, 3), (10_000, 50)])
def test_the_most_within_a_room(room, most):
    assert most_within(lambda n: 100 * n, 1, 50, room) == most


def test_a_curve_takes_the_upper_line_where_growth_becomes_faster_and_the_lower_where_slower():
    flat, steep = Stretch(Line(500, 0)), Stretch(Line(100, 50))
    faster = Curve(flat, steep, at=20)  # all gradients first, then the logits
    assert [faster.of(n) for n in (1, 2, 5, 8, 10, 20, 40)] == [500, 500, 500, 500, 600, 1100, 2100]
    slower = Curve(steep, Stretch(Line(500, 10)), at=20)  # logits come in parts of a limit
    assert [slower.of(n) for n in (1, 2, 5, 10, 20, 40)] == [150, 200, 350, 600, 700, 900]


def test_lines_are_mixed_by_shares():
    low, high = Curve.even(100, 10), Curve.even(300, 20)
    assert low.towards(high, 0.5).of(4) == 200 + 4 * 15
    assert low.towards(high, 0.0) == low


def test_what_is_freed_leaves_the_least():
    curve = Curve.even(1000, 10).without(freed=400, least=100)
    assert curve.of(2) == 620
    assert Curve.even(450, 10).without(freed=400, least=100).of(2) == 120
    assert Curve.even(50, 10).without(freed=400, least=100).of(2) == 120
    apart = Curve(Stretch(Line(50, 10)), Stretch(Line(-500, 90)), at=20).without(400, 100)
    assert (apart.of(2), apart.of(20)) == (120, 1300), "of many, only what grows"

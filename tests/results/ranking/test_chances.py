"""Chances of being the best, against closed forms of two and simulations of more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from results.ranking.chances import CONFIDENCE, chances_of_best, tie_distance


@pytest.mark.parametrize("freedom", [2.0, 6.0, 40.0])
def test_of_two_it_is_students_t(freedom):
    first, second = chances_of_best([0.3, 1.0], 0.5, freedom)
    assert first == pytest.approx(t.cdf(0.7 / (0.5 * math.sqrt(2)), freedom), abs=1e-4)
    assert first + second == pytest.approx(1.0)


def test_equal_means_share_the_chance():
    assert chances_of_best([2.0, 2.0, 2.0], 0.1, 6.0) == pytest.approx([1 / 3] * 3)
    assert chances_of_best([2.0, 2.0, 3.0], 0.0, 6.0) == [0.5, 0.5, 0.0]


def test_of_three_it_is_what_draws_from_the_posterior_say():
    random, means, error, freedom = np.random.default_rng(0), np.array([0.0, 0.4, 0.5]), 0.3, 6.0
    scale = error * np.sqrt(freedom / random.chisquare(freedom, 400_000))
    draws = means + scale[:, None] * random.normal(size=(400_000, 3))
    expected = np.bincount(draws.argmin(axis=1), minlength=3) / 400_000
    assert chances_of_best(means.tolist(), error, freedom) == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("freedom", [3.0, 12.0])
def test_the_distance_of_a_tie_between_two_is_one_sided(freedom):
    expected = t.ppf(CONFIDENCE, freedom) * math.sqrt(2) * 0.5
    assert tie_distance(2, 0.5, freedom) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("count", [3, 6])
def test_the_truly_best_is_among_those_tied_as_often_as_promised(count):
    """At its hardest: all are equally good, and one of them is marked as the best."""
    random, freedom, rounds = np.random.default_rng(2), 6.0, 40_000
    means = random.normal(size=(rounds, count))
    error = np.sqrt(random.chisquare(freedom, rounds) / freedom)
    among = means[:, 0] - means.min(axis=1) <= tie_distance(count, 1.0, freedom) * error
    assert among.mean() == pytest.approx(CONFIDENCE, abs=0.004)


def test_a_single_trial_ties_with_nobody():
    assert tie_distance(1, 0.5, 3.0) == 0.0
    assert chances_of_best([1.0], 0.5, 3.0) == [1.0]

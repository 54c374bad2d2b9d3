"""Draws around values known to be good: how they are spread, and which trials have them."""

from __future__ import annotations

import math
from collections import Counter

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

from results.records.prior import Prior
from sweeps.samplers.wrappers.bell import Bell
from sweeps.search.drawing import make_sampler
from sweeps.spec.settings import SearchSettings

SHARES = [0.001, 0.1, 0.5, 0.77, 0.999]


@pytest.mark.parametrize("value", [1e-5, 3e-4, 9e-2])
def test_on_a_log_scale_draws_are_log_normal_and_cut_off_at_the_bounds(value):
    low, high, width = math.log(1e-5), math.log(1e-1), math.log(2)
    middle = math.log(value)
    truth = stats.truncnorm((low - middle) / width, (high - middle) / width, middle, width)
    drawn = [
        Bell(value, FloatDistribution(1e-5, 1e-1, log=True)).quantile(share) for share in SHARES
    ]
    assert drawn == pytest.approx([math.exp(truth.ppf(share)) for share in SHARES], rel=1e-6)


def test_on_a_linear_scale_they_are_normal_with_a_tenth_of_the_range():
    truth = stats.truncnorm(-1, 9, 0.1, 0.1)
    drawn = [Bell(0.1, FloatDistribution(0, 1)).quantile(share) for share in SHARES]
    assert drawn == pytest.approx(truth.ppf(SHARES), rel=1e-6)


def test_whole_numbers_and_steps_stay_what_they_are():
    whole = [Bell(16, IntDistribution(1, 64, log=True)).quantile(share) for share in SHARES]
    assert whole == sorted(whole)
    assert all(isinstance(each, int) and 1 <= each <= 64 for each in whole)
    assert whole[2] == 16
    stepped = [Bell(0.3, FloatDistribution(0.1, 0.5, step=0.1)).quantile(share) for share in SHARES]
    assert stepped[2] == pytest.approx(0.3)
    assert all(each * 10 == pytest.approx(round(each * 10)) for each in stepped)


def test_options_are_drawn_by_their_densities():
    options = CategoricalDistribution([4, 16, 64])
    drawn = Counter(Bell(16, options).quantile((place + 0.5) / 1000) for place in range(1000))
    density = math.exp(-0.5 * 2**2)  # a factor of four is two standard deviations
    assert drawn[16] == pytest.approx(1000 / (1 + 2 * density), abs=2)
    assert drawn[4] == pytest.approx(drawn[64], abs=2)


def test_a_single_value_is_that_value():
    assert Bell(3, IntDistribution(3, 3)).quantile(0.2) == 3
    assert Bell(3, CategoricalDistribution([3])).quantile(0.2) == 3
    assert Bell(0.5, FloatDistribution(0.5, 0.5)).quantile(0.2) == 0.5


SPACE = {"x": FloatDistribution(1e-6, 1e0, log=True), "y": FloatDistribution(0, 1)}
KNOWN = {"x": [Prior(name="x", value=1e-3)]}


def drawn(seed: int, trials: int, best: float, sampler: str = "random") -> list[dict[str, float]]:
    """The trials of a search that is the better, the nearer x is to `best`."""
    study = optuna.create_study()
    for number in range(trials):
        study.sampler = make_sampler(SearchSettings(sampler=sampler, seed=seed), number, KNOWN)
        trial = study.ask(SPACE)
        study.tell(trial, abs(math.log(trial.params["x"] / best)))
    return [trial.params for trial in study.trials]


def share_near(searches: list[list[dict[str, float]]], trials: slice) -> float:
    """The share of these trials of all searches within a factor of 4 of the prior; by chance it is
    a fifth."""
    rates = [trial["x"] for search in searches for trial in search[trials]]
    return sum(1e-3 / 4 < rate < 1e-3 * 4 for rate in rates) / len(rates)


@pytest.mark.parametrize("sampler", ["random", "nsga2"])
def test_early_trials_are_around_the_prior_and_late_ones_as_the_sampler_draws(sampler):
    searches = [drawn(seed, 20, 1e-3, sampler) for seed in range(40)]
    assert share_near(searches, slice(0, 4)) > 0.4
    assert share_near(searches, slice(10, 20)) < 0.3


def test_a_prior_is_left_once_the_best_trial_is_far_from_it():
    right, wrong = ([drawn(seed, 7, best) for seed in range(120)] for best in (1e-3, 1e-6))
    assert share_near(right, slice(3, 7)) > share_near(wrong, slice(3, 7)) + 0.1
    assert share_near(wrong, slice(3, 7)) < 0.26


def test_what_has_no_prior_is_drawn_as_without_one():
    values = [trial["y"] for seed in range(40) for trial in drawn(seed, 4, 1e-3)]
    assert stats.kstest(values, "uniform").pvalue > 0.01

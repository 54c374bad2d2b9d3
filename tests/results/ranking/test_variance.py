"""The mixed model against its likelihood, maximised numerically, and against simulations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import t

from results.ranking.variance import noise, noise_with_examples


def drawn(random, trials, seeds, examples, *, ts, te, rest, means=None):
    """Values with known variances; what all trials have in common is large and must not matter."""
    means = np.zeros(trials) if means is None else np.asarray(means)
    return (
        means[:, None, None]
        + random.normal(0, 2.0, (1, seeds, 1))
        + random.normal(0, 5.0, (1, 1, examples))
        + random.normal(0, 1.0, (1, seeds, examples))
        + random.normal(0, ts, (trials, seeds, 1))
        + random.normal(0, te, (trials, 1, examples))
        + random.normal(0, rest, (trials, seeds, examples))
    )


def restricted_likelihood(values):
    """Minus the log of REML of the whole model, by its covariance matrix, as a function of the six
    variances, of one value per cell."""
    trials, seeds, examples = values.shape
    cells = np.array(list(itertools.product(range(trials), range(seeds), range(examples))))
    alike = cells[:, None, :] == cells[None, :, :]
    same = [
        alike[:, :, list(axes)].all(axis=2).astype(float)
        for axes in ((1,), (2,), (1, 2), (0, 1), (0, 2), (0, 1, 2))
    ]
    fixed = (cells[:, [0]] == np.arange(trials)).astype(float)
    flat = values.reshape(-1)

    def minus_log(variances):
        covariance = sum(v * each for v, each in zip(variances, same, strict=True))
        inverse = np.linalg.inv(covariance)
        information = fixed.T @ inverse @ fixed
        left = flat - fixed @ np.linalg.solve(information, fixed.T @ inverse @ flat)
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        return 0.5 * (logs + left @ inverse @ left)

    return minus_log


def test_the_error_is_that_of_restricted_maximum_likelihood():
    values = drawn(np.random.default_rng(3), 3, 3, 4, ts=1.0, te=1.5, rest=0.7)
    likelihood = restricted_likelihood(values)
    best = minimize(
        lambda logs: likelihood(np.exp(logs)),
        np.log([4.0, 25.0, 1.0, 1.0, 2.0, 0.5]),
        method="Nelder-Mead",
        options={"maxiter": 6000, "maxfev": 6000, "xatol": 1e-5, "fatol": 1e-9},
    )
    *_, of_seeds, of_examples, rest = np.exp(best.x)
    expected = of_seeds / 3 + of_examples / 4 + rest / 12
    assert noise_with_examples(values).error ** 2 == pytest.approx(expected, rel=2e-3)


def test_without_examples_it_is_the_two_way_analysis_of_variance():
    """Two trials: the paired t test, whose error and degrees of freedom are those of textbooks."""
    one, other = np.array([1.0, 1.4, 0.9, 1.3]), np.array([1.1, 1.2, 1.3, 1.6])
    found = noise(np.array([one, other]))
    paired = (one - other).std(ddof=1) / math.sqrt(4)
    assert found.error * math.sqrt(2) == pytest.approx(paired)
    assert found.freedom == 3


def test_a_single_trial_has_its_own_variance():
    values = np.array([[1.0, 1.4, 0.9, 1.3]])
    assert noise(values).error == pytest.approx(values.std(ddof=1) / 2)


def test_seeds_that_change_nothing_leave_the_noise_of_the_examples():
    """Equal models have none at all."""
    random = np.random.default_rng(0)
    fixed = random.normal(size=(2, 1, 50)).repeat(4, axis=1)
    found = noise_with_examples(fixed)
    difference = fixed[0, 0] - fixed[1, 0]
    assert found.error * math.sqrt(2) == pytest.approx(difference.std(ddof=1) / math.sqrt(50))
    assert noise_with_examples(np.ones((2, 4, 50))).error == 0.0


@pytest.mark.parametrize(
    ("trials", "seeds", "ts", "te"),
    [(3, 4, 0.2, 0.5), (2, 3, 0.2, 0.0), (3, 4, 0.0, 0.8), (5, 2, 0.3, 0.3)],
)
def test_intervals_hold_the_true_difference_as_often_as_they_say(trials, seeds, ts, te):
    random, held, count = np.random.default_rng(1), 0, 1500
    means = np.linspace(0.0, 0.4, trials)
    for _ in range(count):
        values = drawn(random, trials, seeds, 40, ts=ts, te=te, rest=0.5, means=means)
        found, ours = noise_with_examples(values), values.mean(axis=(1, 2))
        wrong = abs((ours[1] - ours[0]) - (means[1] - means[0]))
        held += wrong <= t.ppf(0.975, found.freedom) * found.error * math.sqrt(2)
    # Variances that come out below 0 are taken as 0, so intervals err to the wide side.
    assert 0.935 <= held / count <= 0.99

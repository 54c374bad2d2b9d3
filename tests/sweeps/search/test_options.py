"""Options that are passed through are checked before anything starts."""

from __future__ import annotations

import pytest
from spec_samples import toy_tree

from sweeps.base.errors import SweepError
from sweeps.search.options import check_options
from sweeps.spec.spec import SweepSpec


def search(**settings):
    return SweepSpec.parse(toy_tree(search=settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"sampler_options": {"n_startup_trials": "x"}},
            "sampler_options.n_startup_trials: 'x': input should be",
        ),
        ({"sampler_options": {"foo": 1}}, "sampler_options.foo: is not a known field; known: "),
        (
            {"sampler_options": {"n_startup_trails": 1}},
            "n_startup_trails: is not a known field; did you mean n_startup_trials",
        ),
        ({"sampler_options": {"multivariate": False}}, "are not valid for tpe: .*group"),
        (
            {"sampler": "random", "sampler_options": {"x": 1}},
            "sampler_options: random takes no options; leave it out",
        ),
        (
            {"early_stopping_options": {"foo": 1}},
            "early_stopping_options.foo: is not a known field; known: grace_period",
        ),
        (
            {"early_stopping_options": {"grace_period": 99}},
            "grace_period: 99 is after a trial's last evaluation, .*; give 1 to ",
        ),
        (
            {"early_stopping": "median", "early_stopping_options": {"grace_period": 99.5}},
            "grace_period: 99.5 is after a trial's last evaluation",
        ),
        (
            {"early_stopping_options": {"grace_period": 0}},
            "early_stopping_options.grace_period: 0: input should be greater than 0",
        ),
        (
            {"early_stopping_options": {"reduction_factor": 1}},
            "early_stopping_options.reduction_factor: 1: input should be greater than 1",
        ),
        ({"early_stopping_options": {"max_t": 3}}, "max_t is not free"),
        ({"early_stopping_options": {"mode": "max"}}, "mode is not free"),
    ],
)
def test_options_that_do_not_suit_are_refused(settings, words):
    with pytest.raises(SweepError, match=words):
        check_options(search(**{"early_stopping": "asha", **settings}))


def test_options_that_suit_pass():
    check_options(search(sampler_options={"n_startup_trials": 3}))
    check_options(search(early_stopping="asha", early_stopping_options={"grace_period": 1}))

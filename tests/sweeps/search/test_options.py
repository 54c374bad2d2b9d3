"""Options that are passed through are checked before anything starts."""

from __future__ import annotations

import pytest
from spec_samples import toy_tree

from sweeps.base.errors import OptionsError
from sweeps.search.options import check_options
from sweeps.search.schedulers import first_point, make_scheduler
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec


def search(**settings):
    return SweepSpec.parse(toy_tree(search=settings))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampler_options": {"n_startup_trials": "x"}}, "sampler_options .* do not suit tpe"),
        ({"sampler_options": {"foo": 1}}, "sampler_options .* suit the sampler tpe"),
        ({"early_stopping_options": {"foo": 1}}, "early_stopping_options .* suit asha"),
        ({"early_stopping_options": {"max_t": 3}}, "max_t is not free"),
        ({"early_stopping_options": {"mode": "max"}}, "mode is not free"),
    ],
)
def test_options_that_do_not_suit_are_refused(settings, words):
    with pytest.raises(OptionsError, match=words):
        check_options(search(early_stopping="asha", **settings))


def test_options_that_suit_pass():
    check_options(search(sampler_options={"n_startup_trials": 3}))
    check_options(search(early_stopping="asha", early_stopping_options={"grace_period": 1}))


@pytest.mark.parametrize(("evaluations", "first"), [(1, 1), (3, 1), (4, 2), (9, 3), (12, 4)])
def test_no_trial_is_stopped_in_the_first_third_of_its_budget(evaluations, first):
    assert first_point(evaluations) == first
    asha = make_scheduler(SearchSettings(metric="eval_loss"), evaluations)
    milestones = [rung for bracket in asha._brackets for rung, _ in bracket._rungs]
    assert min(milestones) == first

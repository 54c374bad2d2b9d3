"""Each rule's file against Ray's schedulers."""

from __future__ import annotations

import inspect

import pytest
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

from sweeps.early_stopping.registry import EARLY_STOPPING
from sweeps.early_stopping.rule import RESERVED, first_point
from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings

RAYS = {"asha": ASHAScheduler, "median": MedianStoppingRule, "none": FIFOScheduler}


def test_every_rule_that_is_documented_is_there():
    assert EARLY_STOPPING.keys() == RAYS.keys()


@pytest.mark.parametrize("name", RAYS)
def test_a_rules_options_are_rays(name):
    theirs = inspect.signature(RAYS[name].__init__).parameters.keys() - {"self", *RESERVED}
    assert type(EARLY_STOPPING[name]).model_fields.keys() == theirs
    assert isinstance(make_scheduler(SearchSettings(early_stopping=name), 9), RAYS[name])


@pytest.mark.parametrize(("evaluations", "first"), [(1, 1), (3, 1), (4, 2), (9, 3), (12, 4)])
def test_no_trial_is_stopped_in_the_first_third_of_its_budget(evaluations, first):
    assert first_point(evaluations) == first
    search = SearchSettings(metric="eval_loss")
    asha = make_scheduler(search, evaluations)
    milestones = [rung for bracket in asha._brackets for rung, _ in bracket._rungs]
    assert min(milestones) == first
    median = make_scheduler(search.model_copy(update={"early_stopping": "median"}), evaluations)
    assert median._grace_period == first

"""Each rule's file against Ray's schedulers."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

from sweeps.early_stopping.registry import EARLY_STOPPING
from sweeps.early_stopping.rule import RESERVED
from sweeps.search.schedulers import make_scheduler
from sweeps.spec.settings import SearchSettings

RAYS = {"asha": ASHAScheduler, "median": MedianStoppingRule, "none": FIFOScheduler}

WITHOUT_EFFECT = {"min_time_slice", "hard_stop", "stop_last_trials"}
"""A trial that Tune has paused goes on in its slot, and each ends by itself at the last point."""


def test_every_rule_that_is_documented_is_there():
    assert EARLY_STOPPING.keys() == RAYS.keys()


@pytest.mark.parametrize("name", RAYS)
def test_a_rules_options_are_rays_and_our_own(name):
    own = {"recheck"} if name == "asha" else set()
    theirs = inspect.signature(RAYS[name].__init__).parameters.keys()
    theirs -= {"self", *RESERVED, *WITHOUT_EFFECT}
    assert type(EARLY_STOPPING[name]).model_fields.keys() - own == theirs
    assert isinstance(make_scheduler(SearchSettings(early_stopping=name), 9), RAYS[name])


@pytest.mark.parametrize(
    ("evaluations", "ninth", "third"),
    [(1, 1, 1), (3, 1, 1), (4, 1, 2), (9, 1, 3), (12, 2, 4), (90, 10, 30)],
)
def test_asha_spares_a_ninth_of_the_budget_and_the_median_rule_a_third(evaluations, ninth, third):
    search = SearchSettings(metric="eval_loss")
    asha = make_scheduler(search, evaluations)
    milestones = [rung for bracket in asha._brackets for rung, _ in bracket._rungs]
    assert min(milestones) == ninth
    median = make_scheduler(search.model_copy(update={"early_stopping": "median"}), evaluations)
    assert median._grace_period == third


@dataclass(frozen=True)
class _Named:
    trial_id: str


def test_no_trial_is_paused_for_one_that_waits():
    median = make_scheduler(SearchSettings(early_stopping="median", metric="eval_loss"), 9)
    waits = SimpleNamespace(status=Trial.PENDING)
    controller = SimpleNamespace(get_live_trials=lambda: [waits])
    trial = _Named("0")
    for point in range(1, 10):
        result = {"point": point, "eval_loss": 2.0}
        assert median.on_trial_result(controller, trial, result) == "CONTINUE"

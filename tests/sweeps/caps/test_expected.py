"""The share of all budgets that early stopping leaves, as a sweep's quote has it."""

from __future__ import annotations

import pytest
from spec_samples import toy_tree

from sweeps.caps.expected import share_trained
from sweeps.caps.quote import make_quote
from sweeps.caps.simulation import Planned
from sweeps.spec.spec import SweepSpec


def spec(trials=60, **search):
    return SweepSpec.parse(
        toy_tree(
            budget={"trials": trials, "evaluations": 9},
            search={"early_stopping": "none", **search},
        )
    )


@pytest.mark.parametrize(
    ("search", "share"),
    [
        ({}, 1.0),
        ({"trial_patience": 1, "min_delta": 5.0}, 2 / 9),  # each is stopped at its second point
    ],
)
def test_without_chance_it_is_what_each_trial_trains(search, share):
    for trials in (1, 60, 10**5):
        assert share_trained(spec(trials, **search), 2) == pytest.approx(share)


@pytest.mark.parametrize("rule", ["asha", "median"])
def test_it_lies_in_the_interval_of_the_quote(rule):
    stopped = spec(early_stopping=rule)
    quote = make_quote(stopped, [(Planned(10.0),)], trials=60, repeats=0, slots=2)
    assert quote.low < 60 * 10.0 * share_trained(stopped, 2) < quote.high < 600

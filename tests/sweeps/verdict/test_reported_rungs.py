"""The rungs that a report shows are those at which the scheduler compares."""

from __future__ import annotations

import pytest

from sweeps.early_stopping.asha import Asha
from sweeps.verdict.rungs import rungs_of


class Trial:
    def __init__(self, number: int) -> None:
        self.trial_id = str(number)


def points_with_stops(rule: Asha, evaluations: int) -> list[int]:
    """The points before the last at which the scheduler stops one of twelve trials, each worse than
    those before it: more than a factor of 1.2 lets pass."""
    found = []
    for point in range(1, evaluations):
        scheduler = rule.build({"metric": "loss", "mode": "min", "time_attr": "point"}, evaluations)
        verdicts = []
        for number in range(12):
            scheduler.on_trial_add(None, trial := Trial(number))
            result = {"point": point, "loss": float(number)}
            verdicts.append(scheduler.on_trial_result(None, trial, result))
        found += [point] if "STOP" in verdicts else []
    return found


@pytest.mark.parametrize("evaluations", [1, 2, 5, 9, 27, 40])
@pytest.mark.parametrize("options", [{}, {"grace_period": 2}, {"grace_period": 1}])
@pytest.mark.parametrize("factor", [1.2, 1.5, 2, 2.5, 3])
def test_they_are_the_points_at_which_trials_are_stopped(evaluations, options, factor):
    rule = Asha(reduction_factor=factor, **options)
    if rule.first(evaluations) <= evaluations:
        assert rungs_of(rule, evaluations) == points_with_stops(rule, evaluations)

from __future__ import annotations

import pytest
from ray.tune.experiment import Trial

from sweeps.run.driver.forgetting import Forgetting


@pytest.fixture
def trials():
    """As Tune makes them, with what our searcher suggests and our client reports."""
    made = [Trial("client", stub=True, config={"trial": n, "config": "x" * 99}) for n in range(3)]
    for trial in made:
        trial.update_last_result({"evaluation": "y" * 99, "eval_loss": 1.0})
    return made


def test_an_ended_trial_leaves_tunes_list_and_is_emptied(trials):
    first, ended, last = list(trials)
    Forgetting().on_trial_complete(iteration=7, trials=trials, trial=ended)
    assert trials == [first, last]
    assert "xxx" in str(vars(first)) + str(vars(last)) and "yyy" in str(first.last_result)
    left = str(vars(ended)) + str(ended.last_result)
    assert "xxx" not in left and "yyy" not in left and not ended.metric_analysis


def test_tune_can_still_free_the_actor_of_a_trial_that_is_emptied(trials):
    """What its controller does after the callbacks of an end."""
    ended = trials[1]
    Forgetting().on_trial_complete(iteration=7, trials=trials, trial=ended)
    assert not ended.is_saving and not ended.export_formats
    ended.set_status(Trial.TERMINATED)
    ended.set_ray_actor(None)
    assert ended.is_finished() and ended in {ended}

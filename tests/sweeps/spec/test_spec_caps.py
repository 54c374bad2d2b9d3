"""Caps in a sweep file: what they replace, and what cannot be a cap."""

from __future__ import annotations

import pytest
from spec_samples import problems_of, toy_tree

from sweeps.base.errors import LaunchError
from sweeps.caps.without_gpus import refuse_without_gpus
from sweeps.spec.caps import MOST_TRIALS
from sweeps.spec.spec import SweepSpec
from trainables.slots.slot_size import SlotSize


def capped(**budget):
    return toy_tree(budget={"evaluations": 4, **budget})


@pytest.mark.parametrize(
    "cap",
    [{"hours": 2}, {"gpu_hours": 8.5}, {"trained_tokens": 10**9}, {"patience": 15}],
)
def test_a_cap_stands_in_for_a_number_of_trials(cap):
    spec = SweepSpec.parse(capped(**cap))
    assert spec.trials == MOST_TRIALS and spec.budget_trials is None
    assert spec.extent == f"trials until budget.{next(iter(cap))}"
    assert spec.trial.budget.evaluations == 4  # the rest of budget is a trial's


def test_a_target_may_never_be_reached_so_trials_are_asked_for():
    (problem,) = problems_of(capped(target={"eval_loss": 1.2}))
    assert problem.startswith("budget.trials: is missing")
    spec = SweepSpec.parse(capped(target={"eval_loss": 1.2}, trials=9))
    assert spec.budget_trials == 9 and spec.caps.limits == {"target.eval_loss": 1.2}


def test_a_small_space_ends_a_capped_sweep_too():
    tree = toy_tree(budget={"hours": 9}, space={"lora.rank": {"choice": [4, 8, 16]}})
    assert SweepSpec.parse(tree).budget_trials == 3


def test_null_takes_a_cap_back():
    assert SweepSpec.parse(capped(hours=None, trials=3)).caps.limits == {}


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"hours": 0}, "budget.hours: 0: input should be greater than 0"),
        ({"gpu_hours": -1.5}, "budget.gpu_hours: -1.5: input should be greater than 0"),
        ({"hours": float("inf")}, "budget.hours: inf: input should be"),
        ({"trained_tokens": 0}, "budget.trained_tokens: 0: input should be greater than 0"),
        ({"patience": 1.5}, "budget.patience: 1.5: input should be a valid integer"),
        ({"at_cap": "stop", "trials": 3}, "budget.at_cap: 'stop': input should be 'lay_aside'"),
        ({"cost": 20}, "budget.cost: the nodes have no price; add dollars per hour"),
        ({"target": {"loss": 1}, "trials": 3}, "budget.target.loss: is not a metric of the search"),
        ({"hour": 8, "trials": 3}, "budget.hour: is not a known field; did you mean hours?"),
    ],
)
def test_what_cannot_be_a_cap_is_refused_with_the_way_out(budget, told):
    (problem,) = problems_of(capped(**budget))
    assert problem.startswith(told)


def test_gpu_hours_of_slots_without_gpus_are_refused():
    (problem,) = problems_of({**capped(gpu_hours=3), "slots": {"gpus": 0}})
    assert (
        problem == "budget.gpu_hours: slots.gpus is 0, so no GPU is held; set budget.hours instead"
    )


def test_a_cost_has_the_prices_of_the_slots():
    spec = SweepSpec.parse({**capped(cost=20), "slots": {"prices": {"worker": 1.5}}})
    assert spec.caps.limits == {"cost": 20.0}


def test_patience_within_a_trial_needs_one_metric_and_min_delta_needs_it():
    search = {"early_stopping": "none", "trial_patience": 3, "min_delta": 0.01}
    patience = SweepSpec.parse(toy_tree(search=search)).search.patience
    assert (patience.evaluations, patience.min_delta, patience.mode) == (3, 0.01, "min")
    several = {"metrics": {"eval_loss": "min", "eval_cost": "min"}, "trial_patience": 3}
    assert problems_of(toy_tree(search=several))[0].startswith("search.trial_patience: needs a")
    alone = {"early_stopping": "none", "min_delta": 0.01}
    assert problems_of(toy_tree(search=alone))[0].startswith("search.min_delta: belongs to")


def test_gpu_hours_without_a_gpu_on_this_machine_are_refused_before_anything_else():
    spec = SweepSpec.parse(capped(gpu_hours=3))
    with pytest.raises(LaunchError, match=r"budget\.gpu_hours: there are no GPUs for the slots"):
        refuse_without_gpus(spec, SlotSize(1, 2.0, 0.0))
    refuse_without_gpus(spec, SlotSize(1, 2.0, 1.0))


def test_prices_of_nothing_are_no_prices():
    (problem,) = problems_of({**capped(cost=20), "slots": {"prices": {"worker": 0}}})
    assert problem.startswith("budget.cost: the nodes have no price")


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"target": {}}, "budget.target: is empty; name a metric of the search"),
        ({"at_cap": "finish"}, "budget.at_cap: belongs to a cap, and none is set; set one"),
    ],
)
def test_what_ends_nothing_is_refused(budget, said):
    (problem,) = problems_of(capped(trials=6, **budget))
    assert problem.startswith(said)
    SweepSpec.parse(capped(trials=6, target={"eval_loss": 1.0}, at_cap="finish"))

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Monitor, Verdict
from trainables.slots import toy

TOY = TrialConfig(
    model="toy",
    objective="toy",
    learning_rate=1e-3,
    toy={"learning_rate": 1e-3, "rank": 8},
    lora={"rank": 8},
    budget={"evaluations": 4},
)


class Watcher(Monitor):
    """Notes everything; rules that the trial ends after `stop_after` points."""

    def __init__(self, stop_after=None, cancel_after=None):
        self.seen = []
        self.stop_after = stop_after
        self.cancel_after = cancel_after

    def evaluated(self, evaluation):
        self.seen.append(evaluation)
        return Verdict(go_on=len(self.seen) != self.stop_after)

    def asked_to_end(self):
        return Ending.STOPPED if len(self.seen) == self.cancel_after else None

    @property
    def losses(self):
        return [evaluation.metrics["eval_loss"] for evaluation in self.seen]


def train(watcher=None, **params):
    config = TOY.with_params({name.replace("__", "."): value for name, value in params.items()})
    watcher = watcher or Watcher()
    return toy.train(config, watcher), watcher


def test_the_optimum_is_where_the_config_says():
    grid = itertools.product([1e-4, 3e-4, 1e-3, 3e-3, 1e-2], [2, 4, 8, 16, 32], ["cosine", "wsd"])
    ends = {
        point: train(learning_rate=point[0], lora__rank=point[1], schedule=point[2])[1].losses[-1]
        for point in grid
    }
    assert min(ends, key=ends.get) == (1e-3, 8, "cosine")
    assert ends[1e-3, 8, "cosine"] == pytest.approx(toy.FLOOR)
    # By the formula: one decade off costs 0.5, one doubling of the rank 0.02, the schedule 0.05.
    assert ends[1e-2, 8, "cosine"] == pytest.approx(toy.FLOOR + 0.5)
    assert ends[1e-3, 32, "wsd"] == pytest.approx(toy.FLOOR + 0.02 * 4 + 0.05)


def test_a_trial_reports_each_point_in_order_with_a_falling_loss_and_growing_cost():
    outcome, watcher = train()
    assert outcome.ending is Ending.COMPLETE
    assert [evaluation.point for evaluation in watcher.seen] == [1, 2, 3, 4]
    losses = [toy.measure_base(TOY).metrics["eval_loss"], *watcher.losses]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 5
    tokens = [evaluation.cost.tokens for evaluation in watcher.seen]
    assert tokens == sorted(set(tokens)) and outcome.cost.tokens == tokens[-1]


def test_the_base_is_point_zero():
    base = toy.measure_base(TOY)
    untouched = {"eval_loss": toy.BASE_LOSS, "eval_cost": 0.0}
    assert (base.point, base.step, base.metrics) == (0, 0, untouched)


def test_the_cost_is_what_it_says_and_no_trial_is_best_in_both():
    _, watcher = train(learning_rate=3e-3, lora__rank=8)
    costs = [evaluation.metrics["eval_cost"] for evaluation in watcher.seen]
    # By the formula: log2(1 + 3) + 0.1 * log2(8), growing evenly with the budget.
    assert costs == pytest.approx([0.25 * 2.3, 0.5 * 2.3, 0.75 * 2.3, 2.3])
    configs = [TOY.with_params({"learning_rate": rate}) for rate in (1e-4, 3e-4, 1e-3)]
    losses, costs = map(toy.final_loss, configs), map(toy.final_cost, configs)
    assert sorted(losses, reverse=True) == [toy.final_loss(c) for c in configs]
    assert sorted(costs) == [toy.final_cost(c) for c in configs]


def test_equal_configs_give_equal_trials_so_ties_can_be_had():
    assert train()[1].losses == train(seed=99)[1].losses


def test_noise_is_the_seeds_with_the_spread_that_is_asked_for():
    noisy = TOY.with_params({"toy.noise": 0.2})
    losses = [toy.final_loss(noisy.with_params({"seed": seed})) for seed in range(400)]
    assert toy.final_loss(noisy.with_params({"seed": 7})) == losses[7]
    assert statistics.stdev(losses) == pytest.approx(0.2, rel=0.1)
    assert statistics.fmean(losses) == pytest.approx(toy.final_loss(TOY), abs=0.03)


def test_it_diverges_on_demand_and_ends_at_once():
    outcome, watcher = train(learning_rate=0.5, toy__diverge_above=0.1)
    assert outcome.ending is Ending.DIVERGED and "not finite" in outcome.error
    assert len(watcher.seen) == 1 and math.isfinite(watcher.losses[0])
    assert train(learning_rate=0.1, toy__diverge_above=0.1)[0].ending is Ending.COMPLETE


def test_it_crashes_on_demand():
    with pytest.raises(RuntimeError, match=r"learning_rate 0\.5 is above toy.crash_above 0\.1"):
        train(learning_rate=0.5, toy__crash_above=0.1)


def test_it_stops_after_a_verdict_and_reports_no_further_point():
    outcome, watcher = train(Watcher(stop_after=2))
    assert outcome.ending is Ending.STOPPED and len(watcher.seen) == 2


def test_it_stops_when_cancelled():
    outcome, watcher = train(Watcher(cancel_after=3))
    assert outcome.ending is Ending.STOPPED and len(watcher.seen) == 3
    assert outcome.cost.tokens == watcher.seen[-1].cost.tokens


def test_a_trial_that_is_told_to_stop_at_its_last_point_is_complete_all_the_same():
    outcome, _ = train(Watcher(stop_after=4))
    assert outcome.ending is Ending.COMPLETE


def test_seconds_are_spent_at_each_point():
    outcome, watcher = train(toy__seconds=0.02, budget__evaluations=3)
    assert outcome.cost.seconds >= 0.06 > 0.02 <= watcher.seen[0].cost.seconds

"""Which trials are trained again, and with what."""

from __future__ import annotations

import pytest
from finished_sweeps import ended_trial, sweep_tree, write_ended
from repeats import repeat

from results.ranking.front import judge
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.run.repeats import (
    Repeat,
    candidates,
    missing_repeats,
    refuse_to_confirm,
    repeated_config,
    share_of_confirmation,
)
from sweeps.search.drawing import trial_seed
from sweeps.spec.settings import ConfirmSettings
from sweeps.spec.spec import SweepSpec

GOALS = {"eval_loss": "min"}
TRIALS = [
    ended_trial(0, "complete", {"learning_rate": 1e-3}, 2.0, 1.3),
    ended_trial(1, "complete", {"learning_rate": 2e-3}, 2.0, 1.1),
    ended_trial(2, "pruned", {"learning_rate": 3e-3}, 0.5, points=2),
    ended_trial(3, "complete", {"learning_rate": 4e-3}, 2.0, 1.2),
]
RANKING = judge(TRIALS, GOALS)


def wanted(known=(), **confirm):
    found = missing_repeats(RANKING, list(known), ConfirmSettings(**confirm))
    return [(each.number, each.trial.number, each.seed) for each in found]


def test_the_best_complete_trials_get_fresh_seeds_seed_by_seed():
    assert wanted(top=2, seeds=2) == [(0, 1, 1), (1, 3, 1), (2, 1, 2), (3, 3, 2)]


def test_fewer_complete_trials_than_asked_for_are_all_confirmed():
    assert {number for _, number, _ in wanted(top=9, seeds=2)} == {0, 1, 3}


def test_only_what_is_missing_is_trained_again_and_more_seeds_add():
    known = [
        repeat(0, 1, 1, 1.0),
        repeat(1, 3, 1, status="failed"),
        repeat(2, 1, 2, status="interrupted"),
    ]
    assert wanted(known, top=2, seeds=2) == [(2, 1, 2), (3, 3, 2)]
    assert wanted(known, top=2, seeds=3) == [(2, 1, 2), (3, 3, 2), (4, 1, 3), (5, 3, 3)]
    assert wanted(known[:2], top=1, seeds=2) == [(2, 1, 2)]


def test_of_a_large_front_trials_are_spread_along_it():
    goals = {"eval_loss": "min", "eval_cost": "min"}
    records = [
        ended_trial(number, "complete", {}, {"eval_loss": number, "eval_cost": 9 - number})
        for number in range(9)
    ]
    ranking = judge(records, goals)
    assert [each.number for each in candidates(ranking, 3)] == [0, 4, 8]
    assert [each.number for each in candidates(ranking, 1)] == [0]
    assert len(candidates(ranking, 20)) == 9


def real_spec(**changes):
    tree = sweep_tree(model="builtin:pydoc", objective="sft", data={"train": "org/data", "seed": 5})
    return SweepSpec.parse({**tree, **changes})


def test_a_repeat_has_other_seeds_and_all_else_as_the_trial_had_it():
    spec = real_spec()
    record = TRIALS[1].with_changes(repairs={"micro_batch_size": 2})
    one, two = (repeated_config(spec, Repeat(0, record, seed)) for seed in (1, 2))
    assert (one.learning_rate, one.micro_batch_size) == (2e-3, 2)
    assert one.seed != two.seed and one.data.order != two.data.order
    assert one.data.seed == two.data.seed == 5  # the split, and the prompts that are asked
    assert {trial_seed(1, number) for number in range(1000)}.isdisjoint({one.seed, two.seed})
    same = one.model_copy(update={"seed": two.seed, "data": two.data})
    assert same == two


def test_a_repeat_is_measured_on_all_examples_at_each_point():
    spec = real_spec(evaluation={"examples": 50})
    assert spec.trial.evaluation.examples == 50
    assert repeated_config(spec, Repeat(0, TRIALS[0], 1)).evaluation.examples == "all"


def test_trials_share_the_seeds_of_their_repeats():
    spec = real_spec()
    one, other = (repeated_config(spec, Repeat(0, TRIALS[n], 1)) for n in (0, 1))
    assert (one.seed, one.data.order) == (other.seed, other.data.order)


def test_the_share_of_the_budget_and_what_varies_is_said(tmp_path):
    folder = SweepHome(tmp_path).sweep("ended")
    assert share_of_confirmation(real_spec(), folder) == []
    (line,) = share_of_confirmation(real_spec(confirm={"top": 2, "seeds": 5}), folder)
    assert "10 of at most 50 trainings, 20% of the budget" in line
    assert "Fresh seeds vary data order and first values of lora." in line
    assert "The split of the data" in line
    full = real_spec(confirm={}, method="full", space={"learning_rate": {"choice": [1e-3, 1e-4]}})
    assert "Fresh seeds vary data order. " in share_of_confirmation(full, folder)[0]
    dropped = real_spec(confirm={}, lora={"dropout": 0.1, "init": "pissa"})
    assert "Fresh seeds vary data order and dropout. " in share_of_confirmation(dropped, folder)[0]
    searched = {"method": {"choice": ["full", "lora"]}, "lora.dropout": {"uniform": [0, 0.1]}}
    either = real_spec(confirm={}, space=searched)
    expected = "Fresh seeds vary data order, first values of lora and dropout. "
    assert expected in share_of_confirmation(either, folder)[0]
    toy = SweepSpec.parse(sweep_tree(confirm={}))
    assert "Nothing in these trials depends on a seed" in share_of_confirmation(toy, folder)[0]


def test_a_search_that_has_not_ended_or_has_no_winner_is_not_confirmed(tmp_path):
    open_one = TRIALS[0].with_changes(status="interrupted")
    folder = write_ended(tmp_path / "a", [open_one, *TRIALS[1:]], budget_trials=4)
    with pytest.raises(SweepError, match="`sweep resume ended"):
        refuse_to_confirm(folder, SweepHome(tmp_path / "a"))
    folder = write_ended(tmp_path / "b", TRIALS[2:3], budget_trials=1)
    with pytest.raises(SweepError, match="no complete trial to confirm"):
        refuse_to_confirm(folder, SweepHome(tmp_path / "b"))

"""Who wins by means over fresh seeds, and who is tied."""

from __future__ import annotations

import numpy as np
import pytest
from finished_sweeps import ended_trial
from repeats import repeat, repeats

from results.ranking.confirmation import best_repeat, common_seeds, confirm
from results.ranking.confirmed_front import confirm_front
from results.records.branch import Branch

GOALS = {"eval_loss": "min"}


def trial(number, value, **changes):
    return ended_trial(number, "complete", {"learning_rate": 1e-3}, 9.0, value, **changes)


LUCKY = [trial(0, 0.9), trial(1, 1.0), trial(2, 1.5)]
"""Trial 0 won the search by luck: its fresh seeds are worse than those of trial 1."""

FRESH = {0: [1.20, 1.22, 1.18, 1.21], 1: [1.01, 1.02, 0.99, 1.00], 2: [1.5, 1.51, 1.49, 1.52]}


def test_the_best_mean_wins_and_the_lucky_first_run_has_no_part_in_it():
    found = confirm(LUCKY, repeats(FRESH), "eval_loss", "min")
    assert [each.number for each in found.trials] == [1, 0, 2]
    assert found.winner.mean == pytest.approx(np.mean(FRESH[1]))
    assert [each.tied for each in found.trials] == [True, False, False]
    assert found.winner.chance > 0.99
    by_number = {each.number: each for each in found.trials}
    assert found.flattered(by_number[0]) == pytest.approx(np.mean(FRESH[0]) - 0.9)


def test_where_more_is_better_all_of_it_is_turned_around():
    turned = [
        each.with_changes(
            measurements=[m.with_changes(metrics={"eval_acc": -m.metrics["eval_loss"]})
                          for m in each.measurements]
        )
        for each in [*LUCKY, *repeats(FRESH)]
    ]  # fmt: skip
    found = confirm(turned[:3], turned[3:], "eval_acc", "max")
    plain = confirm(LUCKY, repeats(FRESH), "eval_loss", "min")
    assert [each.number for each in found.trials] == [1, 0, 2]
    assert [each.chance for each in found.trials] == [each.chance for each in plain.trials]
    by_number = {each.number: each for each in found.trials}
    assert found.flattered(by_number[0]) == pytest.approx(np.mean(FRESH[0]) - 0.9)


def test_of_those_tied_the_simplest_has_the_fewest_trained_parameters_then_tokens():
    trials = [
        trial(0, 1.0, trainable_parameters=800),
        trial(1, 1.0, trainable_parameters=400, tokens=9000),
        trial(2, 1.0, trainable_parameters=400, tokens=5000),
        trial(3, 2.0, trainable_parameters=1),
    ]
    values = {0: [1.0, 1.2, 1.1], 1: [1.1, 1.0, 1.2], 2: [1.2, 1.1, 1.05], 3: [2.0, 2.1, 2.2]}
    found = confirm(trials, repeats(values), "eval_loss", "min")
    assert {each.number for each in found.tied} == {0, 1, 2}
    assert found.simplest.number == 2


def test_steps_that_a_branch_took_over_from_another_trial_do_not_make_it_simpler():
    branch = Branch(trunk=0, siblings=(0,), steps=90, seconds=9.0, tokens=8000)
    trials = [trial(0, 1.0, tokens=9000), trial(1, 1.0, tokens=2000, branch=branch)]
    values = {0: [1.0, 1.2, 1.1], 1: [1.1, 1.0, 1.2]}
    assert confirm(trials, repeats(values), "eval_loss", "min").simplest.number == 0


def test_examples_add_their_noise():
    """Seeds agree perfectly, but few examples decide: no lead without them, a tie with them."""
    trials, records = LUCKY[:2], repeats({0: [1.1, 1.1, 1.1], 1: [1.0, 1.0, 1.0]})
    few = {0: np.array([1.9, 0.1, 1.3]), 1: np.array([0.2, 1.7, 1.1])}
    assert confirm(trials, records, "eval_loss", "min").winner.chance == 1.0
    found = confirm(trials, records, "eval_loss", "min", lambda record: few[record.confirms])
    assert found.noise.examples == 3
    assert found.winner.chance < 0.8 and len(found.tied) == 2


def test_means_leads_and_order_are_of_the_same_seeds():
    """Trial 0 has two lucky seeds more, which the others lack."""
    found = confirm(LUCKY, repeats({**FRESH, 0: [1.2, 1.22], 2: [1.5, 1.51]}), "eval_loss", "min")
    assert found.compared == (1, 2)
    means = [each.mean for each in found.trials]
    assert means == pytest.approx([1.015, 1.21, 1.505])
    assert found.winner.left_out == 2 and set(found.winner.values) == {1, 2}


def test_until_two_trials_share_two_seeds_nothing_is_claimed():
    found = confirm(LUCKY, repeats({0: [1.0], 1: [1.01, 1.02]}), "eval_loss", "min")
    assert [each.number for each in found.trials] == [0, 1]
    assert found.noise is None and all(each.chance is None for each in found.trials)


def test_what_cannot_be_compared_says_so():
    assert confirm(LUCKY, [], "eval_loss", "min") is None
    one = confirm(LUCKY, repeats({0: [1.2], 1: [1.0]}), "eval_loss", "min")
    assert (one.winner.number, one.noise, one.winner.chance) == (1, None, None)
    alone = confirm(LUCKY, repeats({1: [1.0, 1.1]}), "eval_loss", "min")
    assert (alone.winner.number, alone.winner.chance) == (1, 1.0)


def test_seeds_that_did_not_complete_are_counted_and_left_out():
    records = [
        *repeats({0: [1.2, 1.21, 1.19]}),
        repeat(7, 1, 1, 9.0, 1.0),
        repeat(8, 1, 2, 9.0, 1.02),
        repeat(9, 1, 3, 9.0, status="diverged"),
    ]
    found = confirm(LUCKY, records, "eval_loss", "min")
    assert found.compared == (1, 2)
    assert (found.winner.number, found.winner.lost) == (1, 1)


def test_a_trial_with_too_few_seeds_does_not_spoil_the_comparison_of_the_others():
    assert common_seeds([{1: 0, 2: 0, 3: 0}, {1: 0, 2: 0, 3: 0}, {1: 0}]) == (1, 2, 3)
    records = repeats({0: [1.2, 1.2, 1.3], 1: [1.0, 1.1, 1.0], 2: [0.5]})
    found = confirm(LUCKY, records, "eval_loss", "min")
    assert [each.number for each in found.trials] == [1, 0, 2]
    assert found.trials[2].chance is None


def test_trials_that_share_seeds_are_compared_though_another_has_other_ones():
    assert common_seeds([{2: 0, 3: 0}, {1: 0, 2: 0}, {1: 0, 2: 0}]) == (1, 2)
    assert common_seeds([{1: 0}, {2: 0}]) == common_seeds([]) == ()
    values = {0: {2: 1.2, 3: 1.2}, 1: {1: 1.0, 2: 1.1}, 2: {1: 1.5, 2: 1.6}}
    flat = [(number, *each) for number, own in values.items() for each in own.items()]
    records = [repeat(n, number, seed, 9.0, loss) for n, (number, seed, loss) in enumerate(flat)]
    found = confirm(LUCKY, records, "eval_loss", "min")
    assert found.compared == (1, 2) and found.noise is not None
    assert [each.number for each in found.trials] == [1, 2, 0]


def test_seeds_that_change_nothing_are_noticed():
    found = confirm(LUCKY[:1], repeats({0: [0.9, 0.9]}), "eval_loss", "min")
    assert not found.winner.varies
    assert confirm(LUCKY[:1], repeats({0: [0.9, 0.91]}), "eval_loss", "min").winner.varies


def test_the_weights_to_use_are_those_of_the_best_seed_on_the_validation_set():
    records = [
        repeat(0, 1, 1, 9.0, 1.05, test={"test_loss": 0.1}),
        repeat(1, 1, 2, 9.0, 0.95, test={"test_loss": 0.9}),
        repeat(2, 1, 3, 0.5, status="failed"),
    ]
    assert best_repeat(records, GOALS).number == 1
    assert best_repeat([], GOALS) is None


def test_on_a_front_a_trial_may_fall_behind_by_its_means():
    """Trial 1 had been lucky in its loss; its fresh seeds are worse than trial 0 in both."""
    goals = {"eval_loss": "min", "eval_cost": "min"}
    trials = [
        ended_trial(number, "complete", {}, {"eval_loss": loss, "eval_cost": cost})
        for number, (loss, cost) in enumerate([(1.0, 2.0), (0.9, 3.0), (1.5, 1.0)])
    ]
    random, records = np.random.default_rng(0), []
    for number, (loss, cost) in enumerate([(1.0, 2.0), (1.2, 3.0), (1.5, 1.0)]):
        for seed in range(1, 5):
            values = {"eval_loss": loss + random.normal(0, 0.02), "eval_cost": cost}
            records.append(repeat(len(records), number, seed, values))
    found = confirm_front(trials, records, goals)
    assert {each.number: each.on_front for each in found.trials} == {0: True, 1: False, 2: True}
    chances = {each.number: each.chance for each in found.trials}
    assert chances[0] > 0.99 and chances[1] < 0.05 and chances[2] > 0.99
    assert found.winner.number == 0


def test_on_a_front_a_seed_that_another_trial_lacks_is_not_lost():
    point = {"eval_loss": 1.0, "eval_cost": 2.0}
    trials = [ended_trial(number, "complete", {}, point) for number in range(2)]
    records = [repeat(seed, 0, seed, point) for seed in (1, 2, 3)]
    records += [repeat(3 + seed, 1, seed, point) for seed in (1, 2)]
    records.append(repeat(6, 1, 3, point, status="failed"))
    found = confirm_front(trials, records, {"eval_loss": "min", "eval_cost": "min"})
    assert found.compared == (1, 2)
    assert {each.number: each.lost for each in found.trials} == {0: 0, 1: 1}

"""A sweep priced in advance: early stopping saves what its rule saves, and unequal trials count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spec_samples import sft_tree, toy_tree

from sweeps.base.errors import SweepError
from sweeps.caps.priced import families_of
from sweeps.caps.quote import make_quote
from sweeps.caps.quotes import keep, kept
from sweeps.caps.simulation import Planned, play
from sweeps.caps.speeds import (
    Kind,
    Prices,
    Speed,
    Validation,
    Work,
    with_half_the_micro_batch,
    with_twice_the_batch,
)
from sweeps.caps.timing import steps_to_time
from sweeps.caps.too_short import STARTING, refuse_below_start, refuse_if_too_short
from sweeps.spec.spec import SweepSpec
from trainables.config.batch_split import split_step


def spec(**search):
    return SweepSpec.parse(
        toy_tree(
            budget={"trials": 30, "evaluations": 9}, search={"early_stopping": "none", **search}
        )
    )


def singles(*seconds):
    return [(Planned(each),) for each in seconds]


def test_without_early_stopping_every_trial_is_paid_whole():
    played = play(spec().search, 9, singles(90.0, 180.0, 90.0, 180.0), slots=2, seed=0)
    assert played.busy == pytest.approx(540.0)
    assert played.clock == pytest.approx(360.0)  # 90, 90 and 180 in one slot


@pytest.mark.parametrize(
    ("search", "least", "most"),
    [
        ({"early_stopping": "asha"}, 0.2, 0.5),  # two of three stop after a ninth
        ({"early_stopping": "median"}, 0.4, 0.95),
        ({"trial_patience": 1, "min_delta": 5.0}, 0.2, 0.25),  # after two of nine
    ],
)
def test_early_stopping_saves_what_its_own_rule_saves(search, least, most):
    played = play(spec(**search).search, 9, singles(90.0) * 60, slots=3, seed=1)
    assert least < played.busy / (60 * 90.0) < most


def test_a_metric_to_maximise_is_played_in_its_direction():
    search = spec(early_stopping="asha").search
    upward = search.model_copy(update={"mode": "max"})
    down, up = (
        play(each, 9, singles(90.0) * 60, slots=3, seed=1).busy for each in (search, upward)
    )
    assert up == pytest.approx(down)


def test_the_interval_holds_the_whole_sweep_and_its_confirmation():
    quote = make_quote(spec(), singles(60.0, 120.0), trials=30, repeats=12, slots=2)
    assert quote.low < 42 * 90.0 < quote.high
    assert (quote.unstopped_low, quote.unstopped_high) == pytest.approx((quote.low, quote.high))
    assert quote.high < 1.9 * quote.low
    assert quote.clock_high < 0.7 * quote.high
    cold = make_quote(spec(), singles(60.0, 120.0), trials=30, repeats=12, slots=2, warm_up=100.0)
    assert cold.low - quote.low == pytest.approx(200.0, rel=0.4)  # of each slot once
    assert cold.clock_low - quote.clock_low == pytest.approx(100.0, rel=0.4)
    assert (quote.shortest, quote.longest) == (60.0, 120.0)
    stopped = make_quote(spec(early_stopping="asha"), singles(60.0, 120.0), 30, 0, 2)
    assert stopped.high < stopped.unstopped_low


TRUNK = (Planned(100.0), Planned(100.0, 0.6), Planned(100.0, 0.8, parent=1), Planned(100.0, 0.9))


def test_what_forks_share_is_trained_once():
    played = play(spec().search, 10, [TRUNK], slots=1, seed=0)
    assert played.busy == played.clock == pytest.approx(100 + 40 + 20 + 10)
    assert played.saved == pytest.approx(60 + 80 + 90)


def test_a_branch_begins_once_its_fork_is_there_and_another_trunk_meanwhile():
    alone = play(spec().search, 10, [TRUNK], slots=4, seed=0)
    # The first branch begins at 60, its own at 80, the last at 90; the trunk ends with them.
    assert alone.clock == pytest.approx(100.0)
    two = play(spec().search, 10, [TRUNK, TRUNK], slots=2, seed=0)
    assert two.busy == pytest.approx(2 * 170.0) and two.clock == pytest.approx(170.0)


def test_a_trunk_that_is_stopped_before_the_fork_ends_its_branches():
    search = spec(trial_patience=1, min_delta=5.0).search  # each trial is stopped at point 2
    played = play(search, 10, [TRUNK], slots=1, seed=0)
    assert played.busy == pytest.approx(20.0) and played.saved == 0.0


def test_a_quote_says_what_forks_save_and_counts_it_nowhere_else():
    quote = make_quote(spec(), [TRUNK], trials=30, repeats=0, slots=1)
    assert quote.unstopped_low == pytest.approx(quote.low)
    assert quote.low < 7 * 170 + 160 < quote.high  # the last trunk has one branch
    assert quote.saved_low < 7 * 230 + 60 < quote.saved_high
    assert (quote.shortest, quote.longest) == (100.0, 100.0)


def test_early_stopping_never_costs_more_than_none_by_the_same_account():
    """Long trunks with short branches leave it little to save: less than the quote is unsure of."""
    quote = make_quote(spec(early_stopping="median"), [TRUNK], 8, 4, slots=1, warm_up=5.0)
    assert quote.high > (8 * 170 / 4 + 4 * 100)  # above what is expected without
    assert quote.low <= quote.unstopped_low and quote.high <= quote.unstopped_high


def test_a_million_trials_are_quoted_in_bounded_time():
    quote = make_quote(spec(early_stopping="asha"), singles(60.0, 120.0), 10**6, 0, 4)
    assert quote.low < 9e7 and quote.low > 1.5e7


def test_a_quote_is_kept_for_the_launch_of_the_same_sweep_alone(tmp_path):
    quote = make_quote(spec(), singles(60.0), 3, 0, 1)
    keep(tmp_path, spec(), quote)
    named = SweepSpec.parse({**spec().tree, "name": "other"})
    assert kept(tmp_path, named)["low"] == quote.low
    more = SweepSpec.parse({**spec().tree, "budget": {"trials": 31, "evaluations": 9}})
    assert kept(tmp_path, more) == {}


def test_a_step_is_explained_by_its_passes_and_its_tokens():
    one, halved = Work(1.4, 2, 1000.0), Work(1.8, 4, 1000.0)
    speed = Speed.through(one, halved)
    assert speed.per_pass == pytest.approx(0.2) and speed.per_token == pytest.approx(0.001)
    alone = Speed.through(one, None)
    assert alone.per_pass == 0.0 and alone.per_token == pytest.approx(0.0014)
    # 0.3 s of the step are the optimizer's: twice the batch does not double them.
    apart = Speed.through(Work(1.7, 2, 1000.0), Work(2.1, 4, 1000.0), Work(3.1, 4, 2000.0))
    assert apart.per_pass == pytest.approx(0.2) and apart.per_token == pytest.approx(0.001)
    assert apart.of(passes=4, tokens=2000.0, steps=2) == pytest.approx(0.8 + 2.0 + 2 * 0.3)
    noisy = Speed.through(one, Work(1.3, 4, 1000.0))
    assert noisy.per_pass == 0.0  # never negative


def test_a_trial_is_measured_in_twice_as_many_passes_of_the_same_or_of_half_the_size():
    config = spec().trial.with_params({"batch_size": 12, "micro_batch_size": 8})
    assert split_step(config, 1) == (6, 2)
    assert split_step(with_twice_the_batch(config), 1) == (6, 4)
    assert split_step(with_half_the_micro_batch(config), 1) == (3, 4)


def test_an_evaluation_that_is_too_slow_to_repeat_has_the_share_of_passes_of_a_step():
    training = Speed.through(Work(1.4, 2, 1000.0), Work(1.8, 4, 1000.0))
    share = training.share_of_passes(Work(1.4, 2, 1000.0))
    evaluation = Speed.alike(Work(7.0, 10, 5000.0), share)
    assert evaluation.of(10, 5000.0) == pytest.approx(7.0)
    assert evaluation.per_pass == pytest.approx(0.4 / 1.4 * 7.0 / 10)


@pytest.mark.parametrize(("seconds", "steps"), [(0.5, 5), (10.0, 3)])
def test_slow_steps_are_timed_fewer_times(seconds, steps):
    assert steps_to_time(spec().trial, seconds) == steps


def test_what_only_the_first_trials_of_a_slot_take_is_no_part_of_each_price():
    kinds = {"lora": Kind(LORA.training, LORA.evaluation, setup=3.0, warm_up=5.0), "full": FULL}
    prices = Prices(kinds, Validation(20, 100.0), 0.0, 1, lambda params: (1000.0, 10))
    assert prices.warm_up == 5.0
    cold = families_of(swept_kinds(), prices)
    warm = families_of(swept_kinds(), replace(prices, kinds={"lora": LORA, "full": FULL}))
    assert cold == warm


def swept_kinds():
    tree = toy_tree(
        batch_size=16,
        space={
            "method": {"choice": ["lora", "full"]},
            "micro_batch_size": {"choice": [2, 8]},
            "gradient_checkpointing": {"choice": [False, True]},
        },
    )
    return SweepSpec.parse(tree)


LORA = Kind(Speed(0.1, 0.001), Speed(0.05, 0.01), setup=3.0)
FULL = Kind(Speed(0.1, 0.0025), Speed(0.05, 0.02), setup=4.0, checkpointing=1.5)


def test_every_trial_is_priced_by_its_own_passes_method_and_checkpointing():
    swept = swept_kinds()
    kinds = {"lora": LORA, "full": FULL}
    prices = Prices(kinds, Validation(20, 100.0), 0.0, 1, lambda params: (1000.0, 10))

    def of(method, micro, checkpointing):
        params = {
            "method": method,
            "micro_batch_size": micro,
            "gradient_checkpointing": checkpointing,
        }
        return prices.of(swept.trial.with_params(params), params)

    # Four evaluations of 20 rows in micro-batches of 8 or 2.
    assert of("lora", 8, False) == pytest.approx(3 + 10 * 2 * 0.1 + 1.0 + 4 * (3 * 0.05 + 1.0))
    assert of("lora", 2, False) == pytest.approx(3 + 10 * 8 * 0.1 + 1.0 + 4 * (10 * 0.05 + 1.0))
    measuring = 4 * (10 * 0.05 + 2.0)
    assert of("full", 2, False) == pytest.approx(4 + 10 * 8 * 0.1 + 2.5 + measuring)
    assert of("full", 2, True) == pytest.approx(4 + (10 * 8 * 0.1 + 2.5) * 1.5 + measuring)
    unmeasured = 4 * (10 * 0.05 + 1.0)
    assert of("lora", 2, True) == pytest.approx(3 + (10 * 8 * 0.1 + 1.0) * 4 / 3 + unmeasured)
    found = families_of(swept, prices)
    assert len({round(each.seconds, 6) for (each,) in found}) == 8  # every reachable trial


def test_branches_share_the_steps_before_their_decays_and_are_priced_without_them(tmp_path):
    space = {
        "learning_rate": {"log_uniform": [1e-6, 1e-1]},
        "wsd.decay_fraction": {"uniform": [0.1, 0.3]},
    }
    tree = sft_tree(tmp_path, schedule="wsd", search={"forks": 4}, space=space)
    forked = SweepSpec.parse(tree)
    prices = Prices({"lora": LORA}, Validation(20, 100.0), 0.0, 1, lambda params: (1000.0, 10))
    families = families_of(forked, prices)
    assert len(families) == 50 and all(len(family) == 4 for family in families)
    for trunk, *branches in families:
        assert trunk.shared == 0.0 and trunk.own == trunk.seconds
        # Two that begin to decay at the same step are one trial.
        assert all(0.7 <= each.shared < 0.91 or each.own == 0.0 for each in branches)
        assert all(each.own == pytest.approx(each.seconds * (1 - each.shared)) for each in branches)


def test_a_cap_below_one_trial_is_refused_with_what_one_takes():
    capped = SweepSpec.parse(toy_tree(budget={"hours": 0.1}))
    with pytest.raises(SweepError, match=r"budget\.hours: 0\.1 is below one trial, .* 12 min"):
        refuse_if_too_short(capped, 720.0)
    refuse_if_too_short(capped, 350.0)


def test_hours_below_the_start_of_a_sweep_are_refused_before_anything_is_measured():
    with pytest.raises(SweepError, match=r"budget\.hours: 1e-05 is 0\.036 s"):
        refuse_below_start(SweepSpec.parse(toy_tree(budget={"hours": 1e-5})))
    refuse_below_start(SweepSpec.parse(toy_tree(budget={"hours": STARTING[0] / 3600})))

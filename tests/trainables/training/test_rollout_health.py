"""When a policy will not come back, and when it only has learned."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from trainables.core.evaluation import DivergedError
from trainables.training.rollouts.health import PATIENCE, WINDOW, Health, Seen


def seen(reward, entropy=0.5, kl=0.1):
    """A rollout of 128 answers, right or wrong."""
    return Seen(reward, reward * (1 - reward), 0.0, 128, kl, entropy)


def watched(rewards, **further):
    health = Health(max_kl=10.0)
    for step, reward in enumerate(rewards):
        health.check(seen(reward, **further), step)
    return health


def test_a_reward_that_falls_to_a_tenth_has_collapsed():
    with pytest.raises(DivergedError, match=r"collapsed: 0\.024 .* after 0\.57"):
        watched([0.57] * 8 + [0.024] * 8)


@pytest.mark.parametrize(
    "rewards",
    [
        [0.57] * 8 + [0.3] * 8,
        [0.02] * 8 + [0.0] * 8,
        [0.1, 0.3, 0.5, 0.7, 0.9] * 4,
        [0.5] * 8 + [0.0] * (WINDOW - 2),
    ],
    ids=["half of it", "noise", "ups and downs", "too short"],
)
def test_a_reward_that_falls_less_or_by_chance_has_not(rewards):
    watched(rewards)


def test_negative_rewards_collapse_against_the_worst_answer():
    health = Health(max_kl=10.0)
    with pytest.raises(DivergedError, match="collapsed"):
        for step in range(20):
            reward = -1.0 if step < 10 else -7.9
            health.check(Seen(reward, 0.01, -8.0, 64, 0.1, 0.5), step)


def valued(value, earned):
    return Seen(0.5, 0.25, 0.0, 128, 0.1, 0.5, value, earned)


def test_values_beyond_all_that_was_ever_earned_have_run_away():
    health = Health(max_kl=10.0)
    for step in range(WINDOW - 1):
        health.check(valued(30.0, 2.0), step)
    with pytest.raises(DivergedError, match=r"values have run away: about 30 .* about 2;"):
        health.check(valued(30.0, 2.0), WINDOW)


def test_values_that_outlive_a_reward_have_not_run_away():
    health = Health(max_kl=10.0)
    for step in range(12):
        health.check(valued(1.1, 1.0 if step < 3 else 0.0), step)
    again = Health.of(json.loads(json.dumps(asdict(health))))
    again.check(valued(9.0, 0.0), 13)


def test_entropy_that_dies_without_a_gain_is_named_and_one_after_learning_is_not():
    with pytest.raises(DivergedError, match="entropy has died"):
        watched([0.2] * 12, entropy=1e-5)
    watched([0.2] * WINDOW)
    health = watched([0.2] * WINDOW)
    for step in range(10):
        health.check(seen(1.0, entropy=1e-5), step)


@pytest.mark.parametrize("kl", [10.5, float("nan"), float("inf")])
def test_kl_beyond_the_limit_or_no_number(kl):
    with pytest.raises(DivergedError, match=r"more than rl\.max_kl 10"):
        watched([0.5], kl=kl)


def test_rewards_without_any_difference_end_a_trial_only_if_there_never_was_one():
    health = Health(max_kl=10.0)
    for _ in range(PATIENCE - 1):
        health.check_rewards(differ=False, cut=0.1, most=64)
    with pytest.raises(DivergedError, match=f"in {PATIENCE} rollouts in a row .*temperature"):
        health.check_rewards(differ=False, cut=0.1, most=64)
    solved = Health(max_kl=10.0)
    solved.check_rewards(differ=True, cut=0.1, most=64)
    for _ in range(3 * PATIENCE):
        solved.check_rewards(differ=False, cut=0.1, most=64)


def test_rewards_without_a_difference_because_all_answers_are_cut_blame_the_cut():
    health = Health(max_kl=10.0)
    for _ in range(PATIENCE // 2):
        health.check_rewards(differ=False, cut=1.0, most=24)
    resumed = Health.of(json.loads(json.dumps(asdict(health))))
    with pytest.raises(DivergedError) as reason:
        for _ in range(PATIENCE):
            resumed.check_rewards(differ=False, cut=1.0, most=24)
    said = str(reason.value)
    assert "100% of the answers were cut after evaluation.max_new_tokens 24, so raise that" in said
    assert "temperature" not in said


def test_the_state_of_a_checkpoint_is_the_state():
    health = watched([0.1, 0.5, 0.4, 0.6, 0.5, 0.7])
    assert Health.of(json.loads(json.dumps(asdict(health)))) == health

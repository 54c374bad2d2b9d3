from __future__ import annotations

import pytest
from live_samples import sweep, trial, two_metrics

from results.ranking.certainty import Difference
from results.ranking.front import rank_front
from results.ranking.winners import rank
from sweeps.verdict.front import front_verdict
from sweeps.verdict.overlaps import overlaps_searched_by
from sweeps.verdict.single import on_the_test_set, verdict


def said(*losses: float, base: float | None = None, to_next=None, to_base=None):
    records = [trial(number, "complete", loss) for number, loss in enumerate(losses)]
    record = sweep(state="complete", base={} if base is None else {"eval_loss": base})
    return verdict(record, rank(records, "eval_loss", "min"), to_next, to_base)


@pytest.mark.parametrize(
    ("losses", "base", "words"),
    [
        ([2.0], None, "Trial 0 wins: eval_loss 2.0000."),
        ([2.0], 2.5, "Trial 0 wins: eval_loss 2.0000, 0.5000 better than the untouched base "
         "model."),
        ([2.0], 1.5, "Trial 0 wins: eval_loss 2.0000, but 0.5000 WORSE than the untouched base "
         "model: training did not improve this metric."),
        ([2.0], 2.0, "Trial 0 wins: eval_loss 2.0000, exactly as good as the untouched base model: "
         "training changed nothing."),
        ([2.0, 2.0], None, "Trials 0 and 1 tie at the top: eval_loss 2.0000."),
        ([2.0, 2.0, 9.0, 2.0], None, "Trials 0, 1 and 3 tie at the top: eval_loss 2.0000, 7.0000 "
         "ahead of trial 2."),
    ],
)  # fmt: skip
def test_who_won(losses, base, words):
    assert said(*losses, base=base)[0] == words


def test_leads_come_with_their_standard_errors():
    to_next = Difference(mean=-0.5, standard_error=0.01, z=-50.0, count=1234)
    to_base = Difference(mean=-1.5, standard_error=0.02, z=-75.0, count=1234)
    who, how_sure = said(2.0, 2.5, base=3.5, to_next=to_next, to_base=to_base)
    assert "0.5000 ± 0.0100 ahead of trial 1" in who and "1.5000 ± 0.0200 better" in who
    assert "50.0 standard errors, paired over 1,234 validation examples" in how_sure


@pytest.mark.parametrize(("base", "sign"), [(2.01, -1), (1.99, 1)])
def test_a_difference_from_the_base_within_its_error_is_called_noise(base, sign):
    noise = Difference(mean=sign * 0.01, standard_error=0.02, z=sign * 0.5, count=16)
    assert "0.0100 ± 0.0200" in said(2.0, base=base, to_base=noise)[0]
    assert "may be noise" in said(2.0, base=base, to_base=noise)[0]
    sure = Difference(mean=sign * 0.01, standard_error=0.001, z=sign * 10.0, count=16)
    assert "noise" not in said(2.0, base=base, to_base=sure)[0]


def rewarded_front(*points: tuple[float, float], errors: tuple[float, ...] = ()):
    """What is said of a front by reward and KL over a base with reward 0.5."""
    goals = {"eval_reward": "max", "eval_kl": "min"}
    record = sweep(
        metric="eval_reward",
        mode="max",
        other_metrics={"eval_kl": "min"},
        base={"eval_reward": 0.5, "eval_kl": 0.0},
    )
    trials = [trial(number, "complete", 0.0) for number in range(len(points))]
    measured = [
        each.with_changes(
            measurements=(
                each.measurements[0].with_changes(metrics=dict(zip(goals, point, strict=True))),
            )
        )
        for each, point in zip(trials, points, strict=True)
    ]
    from_base = {
        n: Difference(point[0] - 0.5, error, (point[0] - 0.5) / error, 200)
        for n, (point, error) in enumerate(zip(points, errors, strict=False))
    }
    return front_verdict(record, rank_front(measured, goals), {"eval_reward": from_base})[1]


def test_a_front_by_distance_says_what_reward_was_gained_and_whether_that_is_noise():
    text = rewarded_front((0.51, 0.001), (0.9, 0.2), errors=(0.02, 0.02))
    assert (
        "In eval_reward, trial 1 is best: 0.4000 ± 0.0200 better than the untouched base model; "
        "of 2 trials, 1 gained more than the noise of the 200 validation examples. "
        "eval_kl is a trial's distance from that model, whose own is 0."
    ) in text
    assert "lose in another" not in text
    with_lost = rewarded_front((0.9, 0.2), (0.1, 0.5), errors=(0.02, 0.02))
    assert "of 2 trials, 1 gained more than" in with_lost, "the other is dominated, and fell"
    noisy = rewarded_front((0.51, 0.001), errors=(0.02,))
    assert "0.0100 ± 0.0200 better than the untouched base model, which may be noise" in noisy
    assert "no trial on the front is better" in rewarded_front((0.4, 0.1), errors=(0.02,))


def test_a_lead_whose_certainty_was_not_measured_says_so():
    assert said(2.0, 2.5)[1].startswith("The certainty of this lead was not measured.")


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        (40, "Evaluated on training data: all 40 validation records are also in the training data"),
        (12, "Partly evaluated on training data: 12 of 40 validation records are also in the"),
    ],
)
def test_a_loss_on_training_data_is_said_to_be_one(shared, words):
    overlaps = {"validation": {"shared": shared, "records": 40}}
    record = sweep(overlaps=overlaps)
    _, how_sure = verdict(record, rank([trial(0, "complete", 2.0)], "eval_loss", "min"))
    assert how_sure.startswith(words)
    both = record.with_changes(other_metrics={"eval_cost": "min"})
    front = rank_front([two_metrics(0, 2.0, 1.0)], both.goals)
    assert front_verdict(both, front)[1].startswith(words)


def test_a_metric_is_held_against_the_set_that_it_was_measured_on():
    overlaps = {"validation": {"shared": 40, "records": 40}, "test": {"shared": 2, "records": 9}}
    record = sweep(metric="eval_general_loss", overlaps=overlaps)
    assert overlaps_searched_by(record) == ""
    general = {**overlaps, "general": {"shared": 1, "records": 3}}
    assert "1 of 3 general" in overlaps_searched_by(record.with_changes(overlaps=general))
    winner = rank([trial(0, "complete", 2.0, test={"test_loss": 2.5})], "eval_loss", "min").winners[
        0
    ]
    assert on_the_test_set(sweep(overlaps=overlaps), winner).endswith(
        "test_loss 2.5000. Partly evaluated on training data: 2 of 9 test records are also in the "
        "training data."
    )


def test_a_single_trial_leads_over_nobody():
    assert said(2.0)[1] == ""


def test_trials_that_were_stopped_early_take_from_the_certainty():
    records = [trial(0, "complete", 2.0), trial(1, "pruned", 3.0), trial(2, "pruned", 3.5)]
    _, how_sure = verdict(sweep(), rank(records, "eval_loss", "min"))
    assert how_sure == ("2 of 3 trials were stopped early, and some might have ended better.")

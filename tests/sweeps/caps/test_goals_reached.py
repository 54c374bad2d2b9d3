from __future__ import annotations

from finished_sweeps import ended_trial

from sweeps.caps.goals_reached import patience_over, target_reached

LOSS = {"eval_loss": "min"}


def trials(*kinds):
    """Trials in the order of their ends: a loss, or a status."""
    return [
        ended_trial(n, "complete", {}, 5.0, kind)
        if isinstance(kind, float)
        else ended_trial(n, kind, {}, 0.1, points=2)
        for n, kind in enumerate(kinds)
    ]


def test_a_target_counts_once_a_complete_trial_has_it():
    assert target_reached(trials("pruned", 1.3), {"eval_loss": 1.2}, LOSS) is None
    reached = target_reached(trials("pruned", 1.3, 1.15), {"eval_loss": 1.2}, LOSS)
    assert reached.cap == "target.eval_loss"
    assert reached.why == "trial 2 has 1.15, and the target was eval_loss 1.2"


def test_targets_of_several_metrics_must_be_met_by_one_trial():
    goals = {"eval_loss": "min", "eval_f1": "max"}
    half = [{"eval_loss": 1.0, "eval_f1": 0.2}], [{"eval_loss": 2.0, "eval_f1": 0.9}]
    target = {"eval_loss": 1.2, "eval_f1": 0.8}
    records = [ended_trial(n, "complete", {}, *each) for n, each in enumerate(half)]
    assert target_reached(records, target, goals) is None
    both = ended_trial(2, "complete", {}, {"eval_loss": 1.2, "eval_f1": 0.8})
    assert target_reached([*records, both], target, goals) is not None


def test_patience_counts_trials_since_the_best_and_no_failures():
    assert patience_over(trials(2.0, 1.0, 1.5, "pruned", "failed"), 3, LOSS) is None
    over = patience_over(trials(2.0, 1.0, 1.5, "pruned", "failed", "diverged"), 3, LOSS)
    assert over.why == "3 trials without a better one since trial 1"


def test_an_equal_trial_is_no_improvement():
    assert patience_over(trials(1.0, 1.0, 1.0), 2, LOSS) is not None


def test_a_new_point_of_the_front_is_an_improvement():
    goals = {"eval_loss": "min", "eval_cost": "min"}
    values = [(1.0, 9.0), (2.0, 5.0), (3.0, 1.0), (3.0, 6.0)]
    records = [
        ended_trial(n, "complete", {}, {"eval_loss": a, "eval_cost": b})
        for n, (a, b) in enumerate(values)
    ]
    assert patience_over(records[:3], 1, goals) is None
    assert patience_over(records, 1, goals) is not None

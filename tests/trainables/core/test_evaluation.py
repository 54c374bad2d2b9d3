from __future__ import annotations

from trainables.core.evaluation import Cost, Ending, Evaluation, Monitor, Outcome


def test_tokens_per_second_are_tokens_over_seconds_and_no_division_by_zero():
    assert Cost(seconds=4.0, tokens=100).tokens_per_second == 25.0
    assert Cost(seconds=0.0, tokens=100).tokens_per_second == 0.0


def test_a_monitor_that_nobody_wrote_lets_a_trial_run_and_keeps_nothing():
    monitor = Monitor()
    verdict = monitor.evaluated(Evaluation(1, 1, {"eval_loss": 1.0}))
    assert (verdict.go_on, verdict.weights, verdict.losses) == (True, None, None)
    assert monitor.asked_to_end() is None


def test_an_ending_is_written_as_its_word():
    words = ["complete", "stopped", "suspended", "diverged", "failed", "infeasible"]
    assert [str(ending) for ending in Ending] == words
    assert Outcome(Ending("diverged")).error is None

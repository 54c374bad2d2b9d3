"""Single decisions: what is known of a trial, what is kept back, and what can never end."""

from __future__ import annotations

from finished_sweeps import ended_trial

from results.records.record import TrialStatus
from sweeps.caps.decision import Decision
from sweeps.caps.forecast import Forecast
from sweeps.caps.position import Position
from sweeps.search.admission import Admission
from sweeps.spec.caps import CapsSettings
from sweeps.spec.settings import ConfirmSettings

GOALS = {"eval_loss": "min"}


def trial(number, seconds, status="complete", params=None, points=2, **fields):
    """A trial with one of two points if it runs, else with both."""
    losses = [2.0] if status == "running" else [2.0, 1.5]
    fields = {"seconds": seconds, "started": None, "ended": None, **fields}
    return ended_trial(number, status, params or {}, *losses, points=points, **fields)


def at(hours, *trials, since=None, tokens=0.0):
    spent = {"hours": hours, "gpu_hours": 0.0, "cost": 0.0, "trained_tokens": tokens}
    rates = {"hours": 1.0, "gpu_hours": 0.0, "cost": 0.0}
    return Position(spent, rates, trials, (), since or {})


def decision(confirm=None, tokens=1000.0, **caps):
    return Decision(CapsSettings(**caps), GOALS, 1, lambda params: tokens, confirm)


def test_the_first_trial_begins_since_nothing_is_known():
    assert decision(hours=1).asks(at(0.01), {}) == (Admission.NOW, None)


def test_no_trial_begins_that_cannot_end():
    known = [trial(n, 1200.0) for n in range(5)]
    assert decision(hours=2).asks(at(1.5, *known), {})[0] is Admission.NOW
    answer, reached = decision(hours=2).asks(at(1.7, *known), {})
    assert answer is Admission.NEVER and reached.cap == "hours"
    assert reached.why == "1.7 of 2 h are spent, and another trial may need 20 min"


def test_of_many_trials_the_latest_tell_how_long_another_takes():
    known = [trial(n, 60.0) for n in range(500)] + [trial(500 + n, 1200.0) for n in range(300)]
    answer, reached = decision(hours=2).asks(at(1.7, *known), {})
    assert answer is Admission.NEVER and reached.why.endswith("another trial may need 20 min")


def test_only_the_rest_of_a_trial_laid_aside_has_to_fit():
    known = [trial(n, 1200.0) for n in range(5)]
    assert decision(hours=2).asks(at(1.8, *known), {}, done=0.5)[0] is Admission.NOW


def test_trials_of_another_kind_are_expected_to_differ():
    fast = [trial(n, 100.0, params={"lora.rank": 4}) for n in range(6)]
    slow = [trial(6 + n, 800.0, params={"lora.rank": 64}) for n in range(6)]
    forecast = Forecast([*fast, *slow])
    assert 80 < forecast.of({"lora.rank": 4}).expected < 130
    assert 600 < forecast.of({"lora.rank": 64}).expected < 1000
    assert forecast.of({"lora.rank": 4, "learning_rate": 1.0}) == forecast.of({"lora.rank": 4})
    unknown = forecast.of({"lora.rank": 4, "method": "full"})
    assert unknown.bound > 1.5 * forecast.of({"lora.rank": 4}).bound


def test_the_confirmation_keeps_its_share():
    known = [trial(n, 600.0) for n in range(6)]
    confirm = ConfirmSettings(top=2, seeds=3)  # six trainings of ten minutes
    answer, reached = decision(confirm, hours=3).asks(at(1.9, *known), {})
    assert answer is Admission.NEVER and "are kept for the confirmation" in reached.why
    assert decision(confirm, hours=3).asks(at(1.6, *known), {})[0] is Admission.NOW
    assert decision(confirm, hours=3).asks(at(2.8, *known), {}, repeat=True)[0] is Admission.NOW


def test_tokens_of_those_under_way_count_to_their_end():
    running = trial(0, 60.0, "running").with_changes(tokens=400)
    asks = decision(trained_tokens=2000).asks
    assert asks(at(0, running, tokens=400.0), {})[0] is Admission.NOW
    assert decision(trained_tokens=1999).asks(at(0, running, tokens=400.0), {})[1].cap == (
        "trained_tokens"
    )


def test_at_the_cap_those_under_way_are_laid_aside_or_finished():
    known = [trial(0, 600.0), trial(1, 600.0, "running")]
    assert decision(hours=2).ends(at(1.9, *known)) is None
    assert decision(hours=2).ends(at(1.99, *known)).cap == "hours"
    assert decision(hours=2, at_cap="finish").ends(at(2.5, *known)) is None


def test_a_first_trial_that_takes_longer_than_the_cap_ends_at_once_and_says_what_one_costs():
    running = trial(0, 1800.0, "running")  # half of it
    ended = decision(hours=0.6, at_cap="finish").ends(at(0.5, running))
    assert ended.why == "one trial takes about 60 min, more than the cap allows"
    assert decision(hours=1.2, at_cap="finish").ends(at(0.5, running)) is None
    fresh = running.with_changes(measurements=(), status=TrialStatus.RUNNING)
    assert decision(hours=0.6).ends(at(0.5, fresh)) is None


def test_a_sweep_of_which_every_trial_fails_ends():
    failed = [ended_trial(n, "failed", {}) for n in range(20)]
    answer, reached = decision(trained_tokens=10**9).asks(at(0.1, *failed), {})
    assert answer is Admission.NEVER and reached.why == "the first 20 trials all failed"
    assert decision(trained_tokens=10**9).asks(at(0.1, *failed[1:]), {})[0] is Admission.NOW

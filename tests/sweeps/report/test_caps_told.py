"""What a sweep has spent of its caps, and what ended it: in status, at the end, for scripts."""

from __future__ import annotations

from finished_sweeps import ended_trial, sweep_tree, write_ended

from results.ranking.summary import status_json
from results.records.cluster_record import ClusterRecord
from results.records.record import ReachedCap
from sweeps.caps.earlier_parts import ended_by_cap, seconds_before
from sweeps.page.tables import cost
from sweeps.report.caps import caps_lines
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results

CAPS = {"hours": 2.0, "cost": 20.0, "trained_tokens": 5000.0, "patience": 4.0}
TRIALS = [ended_trial(n, "complete", {"learning_rate": 1e-3}, 2.0, 1.5) for n in range(2)]
FIELDS = {"created": 1000.0, "ended": 4600.0, "seconds_before": 1800.0, "caps": CAPS}


def folder_of(tmp_path, **changes):
    folder = write_ended(tmp_path, TRIALS, **{**FIELDS, **changes})
    folder.store.write_cluster(
        ClusterRecord(at=1.0, node_seconds={"w": 7200.0}, prices={"w": 1.5}, gpu_seconds=3600.0)
    )
    return folder, folder.sweep_record()


def test_what_is_spent_is_told_for_each_cap(tmp_path):
    folder, sweep = folder_of(tmp_path)
    assert caps_lines(sweep, folder) == [
        "spent: 1.5 of 2 h, 3 of 20 dollars, 4,000 of 5,000 tokens"
    ]


def test_the_cap_that_ended_it_is_told_with_the_way_to_go_on(tmp_path):
    reached = ReachedCap(cap="hours", why="1.97 of 2 h are spent")
    folder, sweep = folder_of(tmp_path, reached=reached)
    _, ended, more = caps_lines(sweep, folder)
    assert ended == "ended by budget.hours: 1.97 of 2 h are spent"
    assert more.startswith("to go on: sweep resume ended --set budget.hours=4")
    found = status_json(sweep, TRIALS, folder.store.cluster())
    assert found["caps"]["hours"] == {"limit": 2.0, "spent": 1.5}
    assert found["caps"]["patience"] == {"limit": 4.0, "spent": None}
    assert found["reached"] == {"cap": "hours", "why": "1.97 of 2 h are spent"}


def test_a_sweep_without_caps_says_what_it_took_when_it_has_ended_too(tmp_path):
    folder, sweep = folder_of(tmp_path, caps={})
    for each in (sweep, sweep.with_changes(state="interrupted")):
        assert caps_lines(each, folder) == ["spent: 8 s of training, 4,000 tokens"]
    assert "caps" not in status_json(sweep, TRIALS)


def test_a_resume_goes_on_within_what_is_left(tmp_path):
    folder, sweep = folder_of(tmp_path)
    assert seconds_before(sweep, folder.store) == 5400.0
    killed = sweep.with_changes(ended=None)
    folder.store.write_cluster(ClusterRecord(at=2000.0))
    assert seconds_before(killed, folder.store) == 2800.0


def test_only_a_raised_cap_or_a_confirmation_lets_an_ended_sweep_go_on(tmp_path):
    _, sweep = folder_of(tmp_path, reached=ReachedCap(cap="hours", why="all are spent"))

    def ended(changes=(), **budget):
        return ended_by_cap(sweep, SweepSpec.parse(sweep_tree(budget=budget)), changes)

    assert ended(hours=2, trials=99)
    assert not ended(hours=3) and not ended(trials=4)
    assert not ended(["confirm.top: unset -> 3"], hours=2)


def test_a_quote_is_compared_with_what_the_trials_took(tmp_path):
    folder, sweep = folder_of(tmp_path, caps={}, quote={"low": 5.0, "high": 60.0})
    said = "training of all trials: 8 s, as quoted; the dry run expected 5 s to 60 s"
    assert caps_lines(sweep, folder)[1:] == [said]
    dear = sweep.with_changes(quote={"low": 1.0, "high": 2.0})
    assert "8 s, more" in caps_lines(dear, folder)[1]
    half = dear.with_changes(state="interrupted")
    assert caps_lines(half, folder)[1].startswith("training of all trials: 8 s; the dry run")
    assert caps_lines(sweep.with_changes(ended=None), folder)[1:] == []


def test_the_report_tells_the_same(tmp_path):
    reached = ReachedCap(cap="hours", why="1.97 of 2 h are spent")
    folder, _ = folder_of(tmp_path, reached=reached, quote={"low": 5.0, "high": 60.0})
    lines = cost(Results.read(folder))
    assert [words for name, words in lines if name == "spent of the caps"] == [
        "1.5 of 2 h",
        "3 of 20 dollars",
        "4,000 of 5,000 tokens",
    ]
    assert ("ended by", "budget.hours: 1.97 of 2 h are spent") in lines
    assert ("training time that the dry run expected", "5 s to 60 s") in lines


def test_a_running_sweep_tells_what_is_spent_saved_and_expected(tmp_path):
    def stopped(number):
        first = ended_trial(number, "pruned", {"learning_rate": 1e-3}, 2.0, 1.5)
        measured = first.measurements[:1]
        config = {**first.config, "budget.evaluations": 4}
        at = measured[0].with_changes(point=1, step=10)
        return first.with_changes(measurements=(at,), config=config, seconds=60.0)

    trials = [stopped(number) for number in range(8)]
    fields = {**FIELDS, "caps": {}, "ended": None, "state": "running", "budget_trials": 18}
    folder = write_ended(tmp_path, trials, **fields, loading_seconds=15.0)
    cluster = ClusterRecord(
        at=1.0, node_seconds={"w": 960.0, "v": 480.0}, prices={"w": 3.0, "v": 6}
    )
    folder.store.write_cluster(cluster)
    spent, rest, saved, spared = caps_lines(folder.store.sweep(), folder)
    assert spent.startswith("spent: 8 min of training, ")
    # Ten trials of a minute each; both types of nodes have cost 0.80 for the first eight.
    money = "$1.00 to $1.00 of w, $1.00 to $1.00 of v"
    assert rest == f"expected rest: 10 min of training, 10 min on the clock, {money}"
    assert saved == "saved by early stopping: about 24 min, 240 steps of 8 trials"
    assert spared == "saved by warm slots: about 2 min, 8 loads of the base model"


def test_the_expected_rest_has_the_confirmation_that_the_file_asks_for(tmp_path):
    trials = [ended_trial(n, "complete", {"learning_rate": 1e-3}, 2.0, 1.5) for n in range(6)]
    tree = sweep_tree(confirm={"top": 2, "seeds": 3})
    fields = {"caps": {}, "ended": None, "state": "running", "budget_trials": 6}
    folder = write_ended(tmp_path, trials, tree, **fields)
    _, rest = caps_lines(folder.store.sweep(), folder)
    assert rest == (
        "expected rest: 24 s of training, 24 s on the clock; "
        "6 trainings of the confirmation included"
    )

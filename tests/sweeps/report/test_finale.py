from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from live_samples import sweep, trial, two_metrics
from rich.console import Console

from results.records.cluster_record import ClusterRecord
from sweeps.home.home import SweepHome
from sweeps.report.finale import show_left_out, show_result
from sweeps.verdict.results import Results


def shown(tmp_path: Path, *records, record=None) -> str:
    console = Console(file=io.StringIO(), width=300)
    record = record or sweep(state="complete")
    folder = SweepHome(tmp_path).sweep("alpaca-lora")
    show_result(console, Results(folder, record, records))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("several", [False, True])
def test_choices_that_differ_late_look_different_and_the_first_one_is_there_in_full(
    tmp_path, width, several
):
    paths = [f"/srv/share/models/adapters/{name}/checkpoint/weights" for name in ("old", "new")]
    other = {"other_metrics": {"eval_cost": "min"}} if several else {}
    trials = [two_metrics(0, 1.0, 2.0), two_metrics(1, 2.0, 1.0)]
    records = [
        each.with_changes(params={"adapter": path, "flag": None, "other": False})
        for each, path in zip(trials, paths, strict=True)
    ]
    console = Console(file=io.StringIO(), width=width)
    record = sweep(state="complete", **other)
    folder = SweepHome(tmp_path).sweep("alpaca-lora")
    show_result(console, Results(folder, record, records))
    words = " ".join(console.file.getvalue().split())
    assert "adapter …old/… " in words and "adapter …new/… " in words
    assert f"trial 0 in full: adapter {paths[0]} flag null other false" in words


def write_losses(tmp_path: Path, number: int, per_sequence) -> None:
    folder = SweepHome(tmp_path).sweep("alpaca-lora").store.trial_folder(number)
    folder.mkdir(parents=True)
    losses = np.asarray(per_sequence, dtype=float)
    counts = np.ones(len(losses), dtype=np.int64)
    np.savez(folder / "sequence_losses.npz", loss_sums=losses, token_counts=counts)


def test_the_winner_is_told_with_its_lead_over_the_base_and_the_next(tmp_path):
    text = shown(tmp_path, trial(0, "complete", 2.5), trial(1, "complete", 2.0), trial(2, "pruned"))
    assert (
        "Trial 1 wins: eval_loss 2.0000, 0.5000 ahead of trial 0, 2.5000 better than the untouched "
        "base model." in text
    )
    assert "Not ranked: 1 pruned." in text
    assert "sweep winners alpaca-lora" in text


def test_what_broke_down_beside_the_trials_is_shown(tmp_path):
    record = sweep(state="complete", breakdowns=("The watch broke down; nodes go unnoticed",))
    text = shown(tmp_path, trial(0, "complete", 2.5), record=record)
    assert "During the sweep: The watch broke down; nodes go unnoticed" in text


@pytest.mark.parametrize(
    ("spread", "words"),
    [
        (0.001, "more than the noise of this validation set"),
        (3.0, "too small to distinguish the two"),
    ],
)
def test_a_winner_says_how_sure_it_is_and_of_what(tmp_path, spread, words):
    rng = np.random.default_rng(0)
    base = rng.normal(2.0, 0.5, 200)
    write_losses(tmp_path, 0, base)
    write_losses(tmp_path, 1, base - 0.05 + rng.normal(0, spread, 200))
    text = shown(tmp_path, trial(0, "complete", 2.05), trial(1, "complete", 2.0))
    assert words in text
    assert "paired over 200 validation examples" in text
    assert "Other seeds may give other results" in text


def test_the_winner_is_measured_where_nothing_was_chosen(tmp_path):
    winner = trial(0, "complete", 2.0).with_changes(test={"test_loss": 2.25})
    record = sweep(state="complete", base={"eval_loss": 4.5, "test_loss": 4.75})
    text = shown(tmp_path, winner, record=record)
    assert "never used for selection: test_loss 2.2500 (the base model: 4.7500)." in text
    assert "test set" not in shown(tmp_path, trial(0, "complete", 2.0))


def test_trials_that_tie_at_the_top_are_shown_as_such(tmp_path):
    text = shown(tmp_path, *(trial(n, "complete", loss) for n, loss in enumerate([2.0, 3.0, 2.0])))
    assert "Trials 0 and 2 tie at the top: eval_loss 2.0000, 1.0000 ahead of trial 1" in text
    assert [line.split()[2] for line in text.splitlines() if "2.0000  " in line] == [
        "learning_rate",
        "tied",
    ]


def test_what_it_cost_is_told_where_it_is_known(tmp_path):
    store = SweepHome(tmp_path).sweep("alpaca-lora").store
    assert "Cost" not in shown(tmp_path, trial(0, "complete", 2.0))
    seen = ClusterRecord(at=1.0, node_seconds={"worker": 7200.0})
    store.write_cluster(seen)
    assert "Cost" not in shown(tmp_path, trial(0, "complete", 2.0))
    store.write_cluster(seen.priced({"worker": 1.5}))
    assert "Cost: $3.00 for 2 h 0 min of worker" in shown(tmp_path, trial(0, "complete", 2.0))


def test_a_sweep_that_failed_says_so_first(tmp_path):
    record = sweep(state="failed", error="no slot is left: killed")
    text = shown(tmp_path, trial(0, "complete", 2.0), record=record)
    assert text.startswith("\nThe sweep failed: no slot is left: killed")


def test_a_sweep_without_a_winner_says_why(tmp_path):
    text = shown(tmp_path, trial(0, "failed", error="CUDA out of memory"))
    assert "there is no winner" in text and "CUDA out of memory" in text


def front_of(tmp_path: Path, base: dict, *points: tuple[float, float]) -> str:
    record = sweep(state="complete", other_metrics={"eval_cost": "min"}, base=base)
    trials = [two_metrics(number, *point) for number, point in enumerate(points)]
    return shown(tmp_path, *trials, trial(9, "failed"), record=record)


def test_a_front_is_shown_with_all_metrics_and_the_base_below_it(tmp_path):
    base = {"eval_loss": 4.0, "eval_cost": 0.0}
    text = front_of(tmp_path, base, (3.0, 0.1), (1.0, 0.9), (2.0, 0.95))
    assert "the front of 4 trials by eval_loss (min), eval_cost (min)" in text
    rows = [line.split()[:3] for line in text.splitlines() if ".0000" in line]
    assert rows == [
        ["1", "1.0000", "0.9000"],
        ["0", "3.0000", "0.1000"],
        ["base", "4.0000", "0.0000"],
    ]
    assert (
        "2 of 4 trials are on the front: none can be improved in one of eval_loss and eval_cost "
        "without a loss in another." in text
    )
    assert "Compared with the untouched base model, they gain in one metric and lose" in text
    assert "small differences between trials may be noise" in text
    assert "Not ranked: 1 dominated, 1 failed." in text


def test_one_trial_that_beats_all_others_is_the_whole_front(tmp_path):
    text = front_of(tmp_path, {}, (3.0, 0.5), (1.0, 0.1))
    assert "Trial 1 is the whole front: no other trial is better in any of eval_loss and" in text


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ({"eval_loss": 4.0, "eval_cost": 0.5}, "Better than the untouched base model in all "
         "metrics: trial 0."),
        ({"eval_loss": 1.0, "eval_cost": 0.5}, "WORSE than the untouched base model in all "
         "metrics: trial 1."),
        ({"eval_loss": 4.0, "eval_cost": 0.1}, "Better than the untouched base model in some "
         "metrics and worse in none: trial 0."),
        ({"eval_loss": 2.0, "eval_cost": 0.5}, "WORSE than the untouched base model in some "
         "metrics and better in none: trial 1."),
    ],
)  # fmt: skip
def test_a_front_is_held_against_the_base_model(tmp_path, base, words):
    assert words in front_of(tmp_path, base, (3.0, 0.1), (2.0, 0.9))


def test_a_front_that_equals_the_base_model_is_said_to(tmp_path):
    text = front_of(tmp_path, {"eval_loss": 3.0, "eval_cost": 0.1}, (3.0, 0.1))
    assert "Exactly as good as the untouched base model in all metrics." in text


def test_the_weights_of_the_whole_front_are_named(tmp_path):
    for number in range(3):
        folder = SweepHome(tmp_path).sweep("alpaca-lora").store.trial_folder(number)
        (folder / "best").mkdir(parents=True)
    text = front_of(tmp_path, {}, (3.0, 0.1), (2.0, 0.9), (2.5, 1.0))
    assert [f"Weights of trial {n}:" in text for n in range(3)] == [True, True, False]


def test_a_space_of_which_all_has_been_tried_is_said(tmp_path):
    done = sweep(state="complete", budget_trials=2, asked_trials=20)
    text = shown(tmp_path, trial(0, "complete", 2.5), trial(1, "failed"), record=done)
    assert "All 2 combinations of the space have been tried; budget.trials asked for 20." in text
    text = shown(tmp_path, trial(0, "complete", 2.5), record=done)
    assert "have been tried" not in text


@pytest.mark.parametrize("several", [False, True])
def test_the_result_of_a_running_sweep_is_so_far(tmp_path, several):
    other = {"other_metrics": {"eval_cost": "min"}} if several else {}
    trials = [two_metrics(0, 1.0, 2.0), two_metrics(1, 2.0, 1.0)]
    running = shown(tmp_path, *trials, record=sweep(state="running", **other))
    assert "2 trials so far" in running
    assert " wins" not in running
    assert "so far" not in shown(tmp_path, *trials, record=sweep(state="complete", **other))


def test_what_has_just_been_shown_is_not_the_next_command(tmp_path):
    console = Console(file=io.StringIO(), width=300)
    record = sweep(state="complete")
    folder = SweepHome(tmp_path).sweep("alpaca-lora")
    results = Results(folder, record, [trial(0, "complete", 2.5)])
    show_result(console, results, at_the_end=False)
    assert "sweep winners" not in console.file.getvalue()
    assert "sweep ui" in console.file.getvalue()


def test_the_export_is_offered_where_there_are_weights(tmp_path, monkeypatch):
    done = sweep(state="complete")
    assert "sweep export" not in shown(tmp_path, trial(0, "complete", 2.5), record=done)
    folder = SweepHome(tmp_path).sweep("alpaca-lora").store.trial_folder(0)
    (folder / "best").mkdir(parents=True)
    text = shown(tmp_path, trial(0, "complete", 2.5), record=done)
    assert "  sweep export alpaca-lora --to NEW_FOLDER --home " in text
    monkeypatch.setenv("SWEEP_FROM_AFAR", " --cluster my.yaml")
    assert "sweep export" not in shown(tmp_path, trial(0, "complete", 2.5), record=done)


def write_values(tmp_path: Path, number: int, right: int, of: int = 40) -> None:
    folder = SweepHome(tmp_path).sweep("alpaca-lora").store.trial_folder(number) / "answers"
    folder.mkdir(parents=True)
    values = np.arange(of) < right
    np.savez(folder / "values.npz", prompts=np.arange(of), eval_exact_match=values.astype(float))


def judged(number: int, right: int, of: int = 40, **changes):
    measured = trial(number, "complete", 2.0).measurements[0]
    metrics = {"eval_loss": 2.0, "eval_exact_match": right / of}
    measurement = measured.with_changes(metrics=metrics)
    return trial(number, "complete", 2.0).with_changes(measurements=(measurement,), **changes)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (31, "more than the noise of this validation set"),
        (24, "too small to distinguish the two"),
    ],
)
def test_a_lead_in_right_answers_is_measured_over_the_prompts(tmp_path, right, words):
    record = sweep(state="complete", metric="eval_exact_match", mode="max")
    for number, count in ((0, 20), (1, right)):
        write_values(tmp_path, number, count)
    text = shown(tmp_path, judged(0, 20), judged(1, right), record=record)
    assert f"Trial 1 wins: eval_exact_match {right / 40:.4f}" in text
    assert words in text and "paired over 40 validation examples" in text


def test_as_many_right_answers_as_the_base_do_not_mean_an_unchanged_model(tmp_path):
    base = {"eval_exact_match": 0.5}
    record = sweep(state="complete", metric="eval_exact_match", mode="max", base=base)
    text = shown(tmp_path, judged(0, 20), record=record)
    assert "exactly as good as the untouched base model." in text


def test_generation_that_takes_more_than_its_share_is_told(tmp_path):
    store = SweepHome(tmp_path).sweep("alpaca-lora").store
    for generation, told in ((10.0, False), (60.0, True)):
        record = judged(0, 20, seconds=100.0, generation_seconds=generation)
        store.write_trial(record)
        store.write_sweep(sweep(state="complete"))
        text = shown(tmp_path, record, record=sweep(state="complete"))
        assert ("Generating answers is 60% of the trials' time" in text) == told


def test_complete_trials_without_a_number_are_not_called_incomplete(tmp_path):
    said = shown(tmp_path, *(trial(n, "complete", float("nan")) for n in (0, 1)))
    assert "No trial completed" not in said
    assert "No complete trial has a finite value of eval_loss, so there is no winner." in said
    assert "trials 0 and 1: complete but eval_loss was never a finite number" in said


def test_what_judges_took_is_summed(tmp_path):
    record = sweep(state="complete", judge_tokens=500, judge_dollars=0.5)
    store = SweepHome(tmp_path).sweep("alpaca-lora").store
    trials = [trial(n, "complete", 1.0 + n, judge_tokens=1000, judge_dollars=1.0) for n in (0, 1)]
    for each in trials:
        store.write_trial(each)
    assert "Judges took 2,500 tokens, $2.50." in shown(tmp_path, *trials, record=record)
    assert "Judges" not in shown(tmp_path / "other", trial(0, "complete", 1.0))


def test_reasons_of_thousands_of_trials_are_counted(tmp_path):
    records = [trial(number, status="failed", error=f"fault {number}") for number in range(1000)]
    records.append(trial(1000, "complete", 1.0))
    console = Console(file=io.StringIO(), width=120)
    folder = SweepHome(tmp_path).sweep("alpaca-lora")
    show_left_out(console, Results(folder, sweep(state="complete"), records))
    lines = console.file.getvalue().splitlines()
    assert "fault 0" in lines[0] and len(lines) == 201
    assert lines[-1] == "  and 800 more reasons; --json has those of all trials"


def test_reasons_are_told_once_where_no_trial_has_won(tmp_path):
    records = [trial(number, status="failed", error=f"fault {number}") for number in range(8)]
    console = Console(file=io.StringIO(), width=120)
    found = Results(SweepHome(tmp_path).sweep("alpaca-lora"), sweep(state="complete"), records)
    show_result(console, found, at_the_end=False)
    show_left_out(console, found)
    assert [console.file.getvalue().count(f"fault {number}") for number in range(8)] == [1] * 8

"""What is said of a confirmed sweep: in sentences, in the terminal's tables, in the report."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from finished_sweeps import ended_trial, write_ended
from repeats import repeat, repeats, write_repeats
from typer.testing import CliRunner

from results.ranking.front import judge
from results.records.record import SweepRecord
from sweeps.advice.evidence import top
from sweeps.cleaning.surplus import surplus
from sweeps.cli.app import app
from sweeps.models.choice import chosen
from sweeps.page.figures.slices import slice_of
from sweeps.page.page import render
from sweeps.page.tables import all_trials
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.confirmed import confirmation, repeat_to_use
from sweeps.verdict.results import Results
from trainables.board.job import LOSSES, WEIGHTS

TRIALS = [
    ended_trial(0, "complete", {"learning_rate": 1e-3}, 9.0, 0.9, trainable_parameters=800),
    ended_trial(1, "complete", {"learning_rate": 2e-3}, 9.0, 1.0, trainable_parameters=500),
    ended_trial(2, "complete", {"learning_rate": 3e-3}, 9.0, 1.5, trainable_parameters=200),
    ended_trial(3, "pruned", {"learning_rate": 4e-3}, 2.0, points=2),
]
FRESH = {0: [1.20, 1.22, 1.18], 1: [1.01, 1.02, 0.99], 2: [1.5, 1.51, 1.49]}


def sweep_of(tmp_path, records, trials=TRIALS, **changes):
    folder = write_ended(tmp_path, trials, budget_trials=len(trials), **changes)
    write_repeats(folder, records)
    return folder


def said(folder) -> str:
    return " ".join(conclusion(Results.read(folder)))


def test_the_mean_decides_and_the_luck_of_the_first_run_is_named(tmp_path):
    text = said(sweep_of(tmp_path, repeats(FRESH)))
    assert text.startswith("Trial 1 wins by its mean over 3 fresh seeds: eval_loss 1.0067")
    assert "ahead of trial 0" in text and "better than the untouched base model" in text
    assert "best of 3 confirmed trials with a probability of more than 99%" in text
    assert "not of the validation examples" in text
    assert "Trial 0 had won the search: it measured 0.9000, 0.3000 better than the mean" in text
    assert "tied" not in text and "1 of 4 trials were stopped early" in text


def test_a_tie_is_called_one_and_its_simplest_trial_is_named(tmp_path):
    close = {0: [1.20, 1.0, 1.18], 1: [1.01, 1.22, 0.99], 2: [1.1, 1.19, 1.0]}
    text = said(sweep_of(tmp_path, repeats(close)))
    assert "Trials 0, 1 and 2 are tied within noise." in text
    assert "The simplest of them is trial 2 (200 trained parameters" in text


def test_a_winner_that_is_as_simple_as_those_tied_with_it_is_not_replaced(tmp_path):
    alike = [
        each.with_changes(trainable_parameters=500) if each.status.can_win else each
        for each in TRIALS
    ]
    close = {0: [1.20, 1.0, 1.18], 1: [1.01, 1.22, 0.99], 2: [1.1, 1.19, 1.0]}
    text = said(sweep_of(tmp_path, repeats(close), alike))
    assert text.startswith("Trial 1 wins") and "Trials 0, 1 and 2 are tied within noise." in text
    assert "None of the others is simpler than the winner." in text


def test_the_confirmed_winner_is_the_winner_everywhere_in_the_report(tmp_path):
    """The search was won by trial 0."""
    results = Results.read(sweep_of(tmp_path, repeats(FRESH)))
    (ring,) = (each for each in slice_of(results, "learning_rate").data if "winner" in each["name"])
    assert results.chosen == {1} and ring["text"][0].startswith("trial 1<br>")
    assert [row.number for row in all_trials(results) if row.best] == [1]


def test_seeds_that_only_some_trials_have_do_not_count_and_that_is_said(tmp_path):
    text = said(sweep_of(tmp_path, repeats({0: FRESH[0], 1: FRESH[1][:2], 2: FRESH[2][:2]})))
    assert text.startswith("Trial 1 wins by its mean over 2 fresh seeds: eval_loss 1.0150")
    assert "Trial 0 has further seeds, which do not count here" in text


def test_a_confirmation_in_which_all_failed_is_not_forgotten(tmp_path):
    failed = [each.with_changes(status="failed") for each in repeats(FRESH)]
    text = said(sweep_of(tmp_path, failed))
    assert text.startswith("Trial 0 wins")
    assert "It is not confirmed: none of 9 trainings with fresh seeds completed." in text


def test_the_advice_is_about_the_confirmed_winner(tmp_path):
    many = [
        ended_trial(n, "complete", {"learning_rate": 1e-3}, 9.0, 0.9 + n / 10) for n in range(10)
    ]
    results = Results.read(sweep_of(tmp_path, repeats(FRESH), many))
    assert [each.number for each in top(results)] == [1, 0, 2, 3, 4]


def test_losses_on_disk_bring_the_examples_noise_in(tmp_path):
    """The means per token of unequal sequences, as in eval_loss itself."""
    folder, random = sweep_of(tmp_path, []), np.random.default_rng(0)
    counts = random.integers(5, 50, 40)
    for record in repeats(FRESH):
        target = record.measurements[-1].metrics["eval_loss"]
        sums = counts * target + random.normal(0, 3, 40)
        sums += (target * counts.sum() - sums.sum()) * counts / counts.sum()
        place = folder.confirmations.trial_folder(record.number)
        place.mkdir(parents=True)
        np.savez(place / LOSSES, loss_sums=sums, token_counts=counts)
        folder.confirmations.write_trial(record)
    sweep = folder.sweep_record()
    found = confirmation(sweep, judge(folder.trials(), sweep.goals), folder)
    assert found.noise.examples == 40
    assert "from the variance of seeds and 40 validation examples." in said(folder)


def test_without_noise_no_certainty_is_claimed(tmp_path):
    """As on the toy, whose trials depend on no seed."""
    text = said(sweep_of(tmp_path, repeats({0: [0.9, 0.9], 1: [1.0, 1.0]})))
    assert "no noise was measured, and the certainty is unknown." in text
    assert "probability" not in text and "±" not in text


def test_seeds_that_failed_or_changed_nothing_are_told(tmp_path):
    records = [*repeats({0: [0.9, 0.9], 1: [1.0, 1.1]}), repeat(9, 1, 3, status="diverged")]
    text = said(sweep_of(tmp_path, records))
    assert "1 of 3 seeds of trial 1 did not complete." in text
    assert "Fresh seeds changed nothing in trial 0: no noise was measured." in text


def test_the_test_set_speaks_of_the_winner_by_the_mean_of_its_seeds(tmp_path):
    records = [
        each.with_changes(test={"test_loss": 2.0 + each.repeat / 10}) for each in repeats(FRESH)
    ]
    base = {"eval_loss": 4.0, "test_loss": 4.1}
    text = said(sweep_of(tmp_path, records, base=base))
    assert "its seeds have a mean test_loss of 2.2000 (the base model: 4.1000)." in text


def test_a_front_says_who_stays_on_it(tmp_path):
    goals = {"other_metrics": {"eval_cost": "min"}}
    points = [(1.0, 2.0), (0.9, 3.0), (1.5, 1.0)]
    trials = [
        ended_trial(number, "complete", {}, {"eval_loss": loss, "eval_cost": cost})
        for number, (loss, cost) in enumerate(points)
    ]
    truths = [(1.0, 2.0), (1.2, 3.0), (1.5, 1.0)]
    records = [
        repeat(3 * n + k, n, k, {"eval_loss": loss + k / 100 + n * k / 900, "eval_cost": cost})
        for n, (loss, cost) in enumerate(truths)
        for k in (1, 2, 3)
    ]
    text = said(sweep_of(tmp_path, records, trials, **goals))
    assert text.startswith("Trials 0 and 2 of 3 confirmed trials stay on the front by means over 3")
    assert "Probability of being on the front of the confirmed trials" in text


def command(*words, home):
    done = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.output


def test_terminal_json_and_report_agree(tmp_path):
    folder = sweep_of(tmp_path, repeats(FRESH))
    told = json.loads(command("winners", "ended", "--json", home=tmp_path))["confirmation"]
    assert (told["winner"], told["simplest"], told["compared_seeds"]) == (1, 1, [1, 2, 3])
    assert [t["trial"] for t in told["trials"]] == [1, 0, 2]
    assert told["trials"][1]["flattered"] == pytest.approx(0.3)
    assert [s["number"] for s in told["trials"][0]["seeds"]] == [1, 2, 3]
    text = command("winners", "ended", home=tmp_path)
    assert "confirmed with fresh seeds" in text and re.search(r"1\s+3\s+1\.0067", text)
    page = render(Results.read(folder))
    assert "Trained again with fresh seeds" in page and ">1.0067<" in page
    status = command("status", "ended", home=tmp_path)
    assert "confirmation: complete 9  best mean: trial 1" in status
    # The search's own winners and counts are untouched.
    whole = json.loads(command("winners", "ended", "--json", home=tmp_path))
    assert [w["trial"] for w in whole["winners"]] == [0, 1, 2]
    assert (
        json.loads(command("status", "ended", "--json", home=tmp_path))["trials"]["complete"] == 3
    )


def test_export_takes_the_winners_best_seed_on_the_validation_set_and_clean_spares_it(tmp_path):
    """Not the best on the test set, nor the run of the search; of trial 0 only on request."""
    records = [
        each.with_changes(test={"test_loss": 9.0 if each.repeat == 3 else 1.0})
        for each in repeats(FRESH)
    ]
    folder = sweep_of(tmp_path, records)
    for record in records:
        (folder.confirmations.trial_folder(record.number) / WEIGHTS).mkdir()
    (folder.store.trial_folder(0) / WEIGHTS).mkdir()
    sweep = folder.sweep_record()
    assert isinstance(sweep, SweepRecord)
    best = repeat_to_use(sweep, folder, 1)
    assert (best.confirms, best.repeat) == (1, 3)
    taken = chosen(folder)
    assert (taken.record.number, taken.place) == (best.number, 2)
    assert taken.weights == folder.confirmations.trial_folder(best.number) / WEIGHTS
    assert chosen(folder, 0).record.confirms == 0
    gone = {each.path.parent for each in surplus(folder, 1, [])}
    spared = folder.confirmations.trial_folder(best.number)
    assert spared not in gone and len(gone) == len(records) - 1

"""A sweep whose best trials are trained again with fresh seeds, by its file or afterwards."""

from __future__ import annotations

import json

import numpy as np
import pytest
from books import check_books, history, launch_here, sweep_here, winners_of
from kept_sweep import answers, tree_of

from results.mlflow.runs import MlflowRuns
from results.ranking.certainty import load_sequence_losses
from results.records.record import TrialStatus
from sweeps.export import export
from sweeps.export.fresh_process import metrics_of
from sweeps.home.home import SweepHome
from sweeps.models.choice import chosen
from trainables.board.job import CHECKPOINTS, LOSSES, WEIGHTS

pytestmark = pytest.mark.ray

SEEDS = 2


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory, ray_cluster):
    home = tmp_path_factory.mktemp("confirmed")
    tree = tree_of(home, answers(60))
    tree |= {
        "model": str(home / "model"),
        "data": {
            "train": str(home / "data.jsonl"), "validation": 0.25, "test": 0.2, "max_length": 64
        },
        "budget": {"trials": 3, "steps": 6, "evaluations": 2},
        "search": {"seed": 1, "early_stopping": "none", "sampler": "grid"},
        "space": {"learning_rate": {"choice": [1e-2, 3e-3, 1e-5]}},
        "slots": {"count": 1, "gpus": 0},
        "confirm": {"top": 2, "seeds": SEEDS},
    }  # fmt: skip
    done = launch_here(tree, home)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, done


def folder(home):
    return SweepHome(home).sweep("kept")


def test_it_says_what_it_costs_and_what_varies_before_it_starts(confirmed):
    _, done = confirmed
    assert "4 of at most 7 trainings, 57% of the budget" in done.stdout
    assert "Fresh seeds vary data order and first values of lora." in done.stdout


def test_search_trials_are_counted_and_told_to_the_sampler_without_the_repeats(confirmed):
    home, _ = confirmed
    check_books(home, "kept", trials=3)
    known = json.loads(sweep_here("status", "kept", "--json", home=home).stdout)
    assert known["trials"]["complete"] == 3
    assert known["confirmation"] == {"complete": 4}


def test_repeats_differ_by_their_seeds_alone_and_are_whole_trials(confirmed):
    home, _ = confirmed
    repeats = folder(home).confirmations.trials()
    trials = {record.number: record for record in folder(home).store.trials()}
    best = [each["trial"] for each in winners_of(home, "kept")["winners"][:2]]
    assert sorted((r.confirms, r.repeat) for r in repeats) == sorted(
        (trial, seed) for trial in best for seed in (1, 2)
    )
    for record in repeats:
        assert record.status is TrialStatus.COMPLETE and len(record.measurements) == 2
        first = trials[record.confirms]
        changed = {
            name
            for name in {*record.config, *first.config}
            if record.config.get(name) != first.config.get(name)
        }
        assert changed == {"seed", "data.order_seed"}
        losses = load_sequence_losses(
            folder(home).confirmations.trial_folder(record.number) / LOSSES
        )
        mean = losses.loss_sums.sum() / losses.token_counts.sum()
        assert record.best("eval_loss", "min").metrics["eval_loss"] == pytest.approx(mean, rel=1e-5)
    values = {r.best("eval_loss", "min").metrics["eval_loss"] for r in repeats}
    assert len(values) == 4


def test_the_verdict_rests_on_the_means_and_names_the_test_set(confirmed):
    home, done = confirmed
    told = winners_of(home, "kept")["confirmation"]
    repeats = folder(home).confirmations.trials()
    means = {
        number: np.mean(
            [
                r.best("eval_loss", "min").metrics["eval_loss"]
                for r in repeats
                if r.confirms == number
            ]
        )
        for number in {r.confirms for r in repeats}
    }
    assert told["winner"] == min(means, key=means.get)
    assert {t["trial"]: t["mean"] for t in told["trials"]} == pytest.approx(means)
    assert told["examples"] > 2 and sum(t["chance"] for t in told["trials"]) == pytest.approx(1.0)
    text = " ".join(done.stdout.split())
    assert f"Trial {told['winner']} wins by its mean over 2 fresh seeds" in text
    tests = [r.test["test_loss"] for r in repeats if r.confirms == told["winner"]]
    assert len(tests) == SEEDS and f"mean test_loss of {np.mean(tests):.4f}" in text


def test_each_confirmed_trial_keeps_the_weights_of_its_best_seed(confirmed):
    home, _ = confirmed
    store = folder(home).confirmations
    kept = [r for r in store.trials() if (store.trial_folder(r.number) / WEIGHTS).is_dir()]
    assert len(kept) == 2 and len({r.confirms for r in kept}) == 2
    for record in kept:
        others = [r for r in store.trials() if r.confirms == record.confirms]
        values = [r.best("eval_loss", "min").metrics["eval_loss"] for r in others]
        assert record.best("eval_loss", "min").metrics["eval_loss"] == min(values)
    assert not list(store.folder.glob(f"confirmations/*/{CHECKPOINTS}"))
    won = winners_of(home, "kept")["confirmation"]["winner"]
    taken = chosen(folder(home))
    assert (taken.record.confirms, taken.weights.is_dir()) == (won, True)
    assert taken.record.number in {r.number for r in kept}


def test_the_winners_export_is_measured_to_be_the_repeat(confirmed, tmp_path, monkeypatch):
    """In this process; with the seeds of that repeat in the file that trains it again."""
    import yaml

    home, _ = confirmed
    monkeypatch.setattr(export, "measured_afresh", metrics_of)
    done = sweep_here("export", "kept", "--to", str(tmp_path / "out"), home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    record = chosen(folder(home)).record
    again = yaml.safe_load((tmp_path / "out" / "trial.yaml").read_text())
    assert again["seed"] == record.config["seed"]
    assert again["data"]["order_seed"] == record.config["data.order_seed"]
    assert "confirm" not in again
    assert f"seed {record.repeat}" in (tmp_path / "out" / "README.md").read_text()


def test_mlflow_has_the_repeats_as_children_of_their_own_kind(confirmed):
    home, _ = confirmed
    sweep = folder(home).store.sweep()
    runs = MlflowRuns(SweepHome(home).tracking_uri)
    experiments = list(runs.experiments())
    found = list(runs.find(experiments, {"mlflow.parentRunId": sweep.run_id}))
    kinds = [run.tags["winnow.kind"] for run in found]
    assert sorted(kinds) == ["confirmation"] * 4 + ["trial"] * 3
    repeats = folder(home).confirmations.trials()
    assert {run.run_id for run in found if run.tags["winnow.kind"] == "confirmation"} == {
        record.run_id for record in repeats
    }
    parent = runs.get(sweep.run_id)
    told = winners_of(home, "kept")["confirmation"]
    assert parent.tags["winnow.confirmed_trial"] == str(told["winner"])
    assert parent.metrics["confirmed_eval_loss"] == pytest.approx(told["trials"][0]["mean"])
    assert "by its mean over 2 fresh seeds" in parent.tags["mlflow.note.content"]


def test_confirming_again_trains_only_what_is_missing(confirmed):
    """First nothing, then one more seed for each; earlier repeats and trials stay as they are."""
    home, _ = confirmed
    before = history(folder(home).confirmations.trials())
    searched = history(folder(home).store.trials())
    done = sweep_here("confirm", "kept", "--top", "2", "--seeds", "2", home=home)
    assert done.returncode == 0 and "nothing is missing" in done.stdout, done.stdout + done.stderr
    assert history(folder(home).confirmations.trials()) == before
    done = sweep_here("confirm", "kept", "--top", "2", "--seeds", "3", home=home)
    assert done.returncode == 0 and "2 trainings are missing" in done.stdout, done.stdout
    assert "by its mean over 3 fresh seeds" in " ".join(done.stdout.split())
    after = history(folder(home).confirmations.trials())
    assert after[: len(before)] == before and len(after) == 6
    assert history(check_books(home, "kept", trials=3).store.trials()) == searched

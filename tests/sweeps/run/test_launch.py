"""The real command, with real Ray, Optuna and MLflow: the three books must agree."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from books import (
    check_books,
    launch_here,
    losses_alone,
    losses_of,
    real_tree,
    winners_of,
)
from mlflow import MlflowClient
from planted import launched_here
from spec_samples import toy_tree

from results.records.prior import Prior
from results.records.record import TrialStatus
from sweeps import SweepResult
from sweeps.home.home import SweepHome
from sweeps.search.drawing import trial_seed
from sweeps.spec.spec import SweepSpec
from trainables.slots import toy

pytestmark = pytest.mark.endtoend


@pytest.mark.ray
def test_a_sweep_with_every_kind_of_ending(ray_cluster, tmp_path):
    rates = [3e-4, 1e-4, 1e-6, 1e-3, 2e-3, 3e-3, 5e-2, 6e-2, 7e-2]
    tree = toy_tree(
        budget={"trials": 9, "evaluations": 4},
        search={
            "early_stopping": "none",
            "first_points": [{"learning_rate": rate} for rate in rates],
            "prior": {"learning_rate": 3e-4},
        },
        space={"learning_rate": {"choice": rates}},
        toy={"diverge_above": 2e-3, "crash_above": 4e-2},
    )
    done = launch_here(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "toy", trials=9)
    statuses = [record.status for record in folder.store.trials()]
    expected = [TrialStatus.COMPLETE] * 5 + [TrialStatus.DIVERGED] + [TrialStatus.FAILED] * 3
    assert statuses == expected
    report = winners_of(tmp_path, "toy")
    assert [w["trial"] for w in report["winners"]] == [0, 1, 3, 4, 2]
    assert len(report["winners"]) + len(report["left_out"]) == 9
    prior = "after the points of search.first_points, the search tries learning_rate 0.0003"
    assert f"Prior: {prior} (search.prior)." in done.stdout
    assert folder.store.sweep().priors == (Prior(name="learning_rate", value=3e-4),)
    assert "Trial 0 wins" in done.stdout and "RuntimeError: the toy trial crashes" in done.stdout


@pytest.mark.ray
def test_a_sweep_whose_trials_all_fail_has_failed_and_gives_no_secret_away(ray_cluster, tmp_path):
    """One trial is refused before it begins, and one crashes."""
    tree = toy_tree(
        space={"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.9, 0.2]}},
        warmup_fraction=0.5,
        search={"sampler": "grid", "early_stopping": "none"},
        toy={"crash_above": 1e-9},
    )
    failed = launched_here(tree, tmp_path)
    assert failed.code == 1 and failed.secrets() == []
    folder = check_books(tmp_path, "toy", trials=2)
    sweep, (refused, crashed) = folder.store.sweep(), folder.store.trials()
    assert sweep.state.value == "failed"
    assert sweep.error.startswith("all 2 trials failed, trial 0 first: warmup_fraction 0.5 + wsd")
    assert f"The sweep failed: {sweep.error}" in failed.stdout
    assert (refused.attempts, crashed.attempts) == (0, 1)
    assert refused.config.keys() == crashed.config.keys()
    assert refused.config["wsd.decay_fraction"] == 0.9
    for record in (refused, crashed):
        assert record.provenance.seed == record.config["seed"] == trial_seed(0, record.number)


@pytest.mark.ray
def test_a_search_by_two_metrics_finds_the_front_that_brute_force_does(ray_cluster, tmp_path):
    goals = {"eval_loss": "min", "eval_cost": "min"}
    tree = toy_tree(
        budget={"trials": 14, "evaluations": 2},
        search={"metrics": goals, "sampler": "nsga2", "sampler_options": {"population_size": 5}},
        space={"learning_rate": {"log_uniform": [1e-5, 1e-2]}, "lora.rank": {"choice": [4, 16]}},
        toy={"diverge_above": 5e-3},
    )
    done = launch_here(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "toy", trials=14)
    spec = SweepSpec.parse(tree)
    points = {
        r.number: (toy.final_loss(config), toy.final_cost(config))
        for r in folder.store.trials()
        if r.status is TrialStatus.COMPLETE
        for config in [spec.trial.with_params(r.params)]
    }
    front = {
        number
        for number, (loss, cost) in points.items()
        if not any(a <= loss and b <= cost and (a, b) != (loss, cost) for a, b in points.values())
    }
    assert 1 < len(front) < len(points)
    result = SweepResult.open("toy", tmp_path)
    assert set(result.front()["number"]) == front
    assert result.front()["eval_loss"].is_monotonic_increasing
    report = winners_of(tmp_path, "toy")
    assert report["metrics"] == goals and {w["trial"] for w in report["winners"]} == front
    assert f"{len(front)} of 14 trials are on the front" in done.stdout
    journal = optuna.storages.journal.JournalFileBackend(str(folder.journal))
    storage = optuna.storages.JournalStorage(journal)
    study = optuna.load_study(study_name="toy", storage=storage)
    assert {trial.number for trial in study.best_trials} == front
    client = MlflowClient(SweepHome(tmp_path).tracking_uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "winnow"]
    runs = client.search_runs([experiment.experiment_id], "tags.`winnow.on_front` = 'true'")
    assert {int(run.data.tags["winnow.number"]) for run in runs} == front
    artifacts = [client.list_artifacts(run.info.run_id) for run in runs]
    assert all("winner.yaml" in [each.path for each in listed] for listed in artifacts)


@pytest.fixture(scope="module")
def front_sweep(ray_cluster, data, tmp_path_factory):
    """The tree and the home of a search by two metrics in a slot of two workers under ZeRO-3.

    A slot of two workers under ZeRO-2, on two nodes, is in tests/cluster/test_nodes.py.
    """
    home = tmp_path_factory.mktemp("front")
    # The last two learn next to nothing: no token more or less is right, and the losses differ.
    rates = ((2.45e-3, 8), (1e-5, 4), (1e-7, 4))
    tree = real_tree(
        data,
        search={
            # Two that pull apart, though nobody would want the second one low.
            "metrics": {"eval_loss": "min", "eval_token_accuracy": "min"},
            "first_points": [{"learning_rate": rate, "lora.rank": rank} for rate, rank in rates],
            "seed": 1,
        },
        budget={"trials": 3, "steps": 2, "evaluations": 1},
        batch_size=8,
        slots={"workers": 2, "deepspeed": {"zero_stage": 3}},
    )
    tree["data"] |= {"max_length": 64, "validation": 0.02, "test": 0.01}
    tree["space"]["learning_rate"] = {"log_uniform": [1e-7, 1e-2]}
    done = launch_here(tree, home)
    assert done.returncode == 0, done.stderr + done.stdout
    return tree, home


@pytest.mark.ray
def test_the_adapters_of_the_whole_front_are_kept_and_load(front_sweep):
    from peft import AutoPeftModelForCausalLM

    _, home = front_sweep
    folder = check_books(home, "real", trials=3)
    front = {winner["trial"]: winner for winner in winners_of(home, "real")["winners"]}
    assert 1 < len(front) < 3
    kept = {int(path.parent.name): path for path in folder.path.glob("trials/*/best")}
    assert kept.keys() == front.keys()
    client = MlflowClient(SweepHome(home).tracking_uri)
    for number, path in kept.items():
        model = AutoPeftModelForCausalLM.from_pretrained(path)
        assert model.peft_config["default"].r == front[number]["params"]["lora.rank"]
        files = client.list_artifacts(front[number]["run_id"], "model")
        assert "model/adapter_model.safetensors" in [file.path for file in files]
        record = folder.store.trials()[number]
        losses = np.load(path.parent / "sequence_losses.npz")
        mean = losses["loss_sums"].sum() / losses["token_counts"].sum()
        assert mean == pytest.approx(record.last().metrics["eval_loss"])


@pytest.mark.ray
def test_two_workers_under_zero_3_find_the_same_losses_as_one(front_sweep, tmp_path):
    tree, home = front_sweep
    folder = check_books(home, "real", trials=3)
    alone = losses_alone(tree, folder.store.trials(), tmp_path)
    assert losses_of(folder) == pytest.approx(alone, abs=1e-4)

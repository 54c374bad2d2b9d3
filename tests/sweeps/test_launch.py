"""The real command, with real Ray, Optuna and MLflow: the three books must agree."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
import psutil
import pytest
import yaml
from mlflow import MlflowClient
from optuna.trial import TrialState
from spec_samples import toy_tree

from results.record import TrialStatus
from results.tracking import read_sweep
from sweeps import SweepResult
from sweeps.home import SweepFolder, SweepHome
from sweeps.spec import SweepSpec
from sweeps.study import trial_seed
from trainables import toy

pytestmark = pytest.mark.endtoend

IN_OPTUNA = {
    TrialStatus.COMPLETE: TrialState.COMPLETE,
    TrialStatus.PRUNED: TrialState.PRUNED,
    TrialStatus.DIVERGED: TrialState.FAIL,
    TrialStatus.FAILED: TrialState.FAIL,
    # It is to go on.
    TrialStatus.INTERRUPTED: TrialState.RUNNING,
}


def sweep_command(*arguments: str, home: Path) -> list[str]:
    return [sys.executable, "-m", "sweeps.cli", *arguments, "--home", str(home)]


def launch(tree: dict, home: Path) -> subprocess.CompletedProcess[str]:
    spec = home / f"{tree['name']}.yaml"
    spec.write_text(yaml.safe_dump(tree, sort_keys=False))
    command = sweep_command("launch", str(spec), home=home)
    return subprocess.run(command, capture_output=True, text=True, timeout=400)


@contextmanager
def started(tree: dict, home: Path, until: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep in the background that has printed a line beginning with `until`."""
    spec = home / "background.yaml"
    spec.write_text(yaml.safe_dump(tree, sort_keys=False))
    command = sweep_command("launch", str(spec), home=home)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith(until))
        try:
            yield process
        finally:
            process.kill()


def check_books(home: Path, name: str, trials: int) -> SweepFolder:
    """Sweep folder, Optuna and MLflow hold the same trials, each once, with the same ends."""
    folder = SweepHome(home).sweep(name)
    records = folder.store.trials()
    assert [record.number for record in records] == list(range(trials))
    journal = optuna.storages.journal.JournalFileBackend(str(folder.journal))
    study = optuna.load_study(study_name=name, storage=optuna.storages.JournalStorage(journal))
    assert [t.state for t in study.trials] == [IN_OPTUNA[r.status] for r in records]
    sweep, tracked = read_sweep(SweepHome(home).tracking_uri, name)
    assert tracked == records
    assert sweep.base == folder.store.sweep().base
    return folder


def winners_of(home: Path, name: str) -> dict:
    command = sweep_command("winners", name, "--json", "--top", "99", home=home)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_sweep_with_every_kind_of_ending(tmp_path):
    rates = [3e-4, 1e-4, 1e-6, 1e-3, 2e-3, 3e-3, 5e-2, 6e-2, 7e-2]
    tree = toy_tree(
        budget={"trials": 9, "evaluations": 4},
        search={
            "early_stopping": "none",
            "first_points": [{"learning_rate": rate} for rate in rates],
        },
        space={"learning_rate": {"choice": rates}},
        toy={"diverge_above": 2e-3, "crash_above": 4e-2},
    )
    done = launch(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "toy", trials=9)
    statuses = [record.status for record in folder.store.trials()]
    expected = [TrialStatus.COMPLETE] * 5 + [TrialStatus.DIVERGED] + [TrialStatus.FAILED] * 3
    assert statuses == expected
    report = winners_of(tmp_path, "toy")
    assert [w["trial"] for w in report["winners"]] == [0, 1, 3, 4, 2]
    assert len(report["winners"]) + len(report["left_out"]) == 9
    assert "Trial 0 wins" in done.stdout and "RuntimeError: the toy trial crashes" in done.stdout


def test_a_sweep_whose_trials_all_fail_has_failed(tmp_path):
    space = {"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.9, 0.2]}}
    search = {"sampler": "grid", "early_stopping": "none"}
    tree = toy_tree(space=space, warmup_fraction=0.5, search=search, toy={"crash_above": 1e-9})
    done = launch(tree, tmp_path)
    assert done.returncode == 1
    folder = check_books(tmp_path, "toy", trials=2)
    sweep, (refused, crashed) = folder.store.sweep(), folder.store.trials()
    assert sweep.state.value == "failed"
    assert sweep.error.startswith("all 2 trials failed, trial 0 first: warmup_fraction 0.5 + wsd")
    assert f"The sweep failed: {sweep.error}" in done.stdout
    assert (refused.attempts, crashed.attempts) == (0, 1)
    assert refused.config.keys() == crashed.config.keys()
    assert refused.config["wsd.decay_fraction"] == 0.9
    for record in (refused, crashed):
        assert record.provenance.seed == record.config["seed"] == trial_seed(0, record.number)


def test_a_search_by_two_metrics_finds_the_front_that_brute_force_does(tmp_path):
    goals = {"eval_loss": "min", "eval_cost": "min"}
    tree = toy_tree(
        budget={"trials": 14, "evaluations": 2},
        search={"metrics": goals, "sampler": "nsga2", "sampler_options": {"population_size": 5}},
        space={"learning_rate": {"log_uniform": [1e-5, 1e-2]}, "lora.rank": {"choice": [4, 16]}},
        toy={"diverge_above": 5e-3},
    )
    done = launch(tree, tmp_path)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_keep_what_was_measured(tmp_path, number):
    tree = toy_tree(toy={"seconds": 0.3}, budget={"trials": 50, "evaluations": 4})
    with started(tree, tmp_path, until="trial 1 ") as process:
        process.send_signal(number)
        assert process.wait(timeout=90) == 130
    folder = SweepHome(tmp_path).sweep("toy")
    check_books(tmp_path, "toy", trials=len(folder.store.trials()))
    records = folder.store.trials()
    assert [r.status for r in records[:2]] == [TrialStatus.COMPLETE] * 2
    assert {r.status for r in records[2:]} <= {TrialStatus.COMPLETE, TrialStatus.INTERRUPTED}
    assert folder.store.sweep().state.value == "interrupted"


def real_tree(data: Path, **changes) -> dict:
    return {
        "name": "real",
        "model": str(data / "models/stories260K_hf"),
        "objective": "sft",
        "data": {"train": str(data / "sft/instruction-data.json"), "max_length": 256, "test": 0.05},
        "method": "lora",
        "precision": "fp32",
        "budget": {"trials": 4, "steps": 8, "evaluations": 2},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {
            "learning_rate": {"log_uniform": [1e-3, 2e-2]},
            "lora.rank": {"choice": [4, 8]},
        },
        **changes,
    }


@pytest.fixture
def data() -> Path:
    if "SWEEP_TEST_DATA" not in os.environ:
        pytest.skip("SWEEP_TEST_DATA names no folder with real data")
    return Path(os.environ["SWEEP_TEST_DATA"])


def test_a_real_sweep_beats_its_base_and_leaves_a_loadable_winner(tmp_path, data):
    from peft import AutoPeftModelForCausalLM

    done = launch(real_tree(data), tmp_path)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "real", trials=4)
    report = winners_of(tmp_path, "real")
    winner = report["winners"][0]
    assert winner["metrics"]["eval_loss"] < report["base"]["eval_loss"] - 0.3
    assert winner["metrics"]["test_loss"] < report["base"]["test_loss"] - 0.3
    assert "On the test set, by which nothing was chosen: test_loss" in done.stdout
    kept = [path.parent.name for path in folder.path.glob("trials/*/best")]
    assert kept == [f"{winner['trial']:04d}"], "only the winner's weights are kept"
    model = AutoPeftModelForCausalLM.from_pretrained(folder.path / "trials" / kept[0] / "best")
    assert model.peft_config["default"].r == winner["params"]["lora.rank"]
    losses = np.load(folder.path / "trials" / kept[0] / "sequence_losses.npz")
    mean = losses["loss_sums"].sum() / losses["token_counts"].sum()
    assert mean == pytest.approx(winner["metrics"]["eval_loss"])
    record = folder.store.trials()[winner["trial"]]
    assert record.tokens_per_second > 0 and record.peak_memory_bytes > 0
    assert record.provenance is not None and record.provenance.data_fingerprint


def test_the_adapters_of_the_whole_front_are_kept_and_load(tmp_path, data):
    from peft import AutoPeftModelForCausalLM

    # Two that pull apart, though nobody would want the second one low.
    search = {"metrics": {"eval_loss": "min", "eval_token_accuracy": "min"}, "seed": 1}
    budget = {"trials": 5, "steps": 4, "evaluations": 2}
    done = launch(real_tree(data, search=search, budget=budget), tmp_path)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "real", trials=5)
    front = {winner["trial"]: winner for winner in winners_of(tmp_path, "real")["winners"]}
    assert len(front) > 1
    kept = {int(path.parent.name): path for path in folder.path.glob("trials/*/best")}
    assert kept.keys() == front.keys()
    client = MlflowClient(SweepHome(tmp_path).tracking_uri)
    for number, path in kept.items():
        model = AutoPeftModelForCausalLM.from_pretrained(path)
        assert model.peft_config["default"].r == front[number]["params"]["lora.rank"]
        files = client.list_artifacts(front[number]["run_id"], "model")
        assert "model/adapter_model.safetensors" in [file.path for file in files]
        record = folder.store.trials()[number]
        losses = np.load(path.parent / "sequence_losses.npz")
        mean = losses["loss_sums"].sum() / losses["token_counts"].sum()
        assert mean == pytest.approx(record.last().metrics["eval_loss"])


def test_two_workers_under_zero_2_and_3_find_the_same_losses_as_one(tmp_path, data):
    tree = real_tree(data, budget={"trials": 2, "steps": 4, "evaluations": 2})
    slots = {"two": {"zero_stage": 2}, "three": {"zero_stage": 3}}
    shared = [
        {**tree, "name": name, "slots": {"workers": 2, "deepspeed": engine}}
        for name, engine in slots.items()
    ]
    for each in (tree, *shared):
        done = launch(each, tmp_path)
        assert done.returncode == 0, done.stderr + done.stdout
    alone, *others = (losses_of(check_books(tmp_path, n, 2)) for n in ("real", *slots))
    for losses in others:
        assert losses == pytest.approx(alone, abs=1e-4)


def losses_of(folder: SweepFolder) -> list[float]:
    trials = folder.store.trials()
    return [m.metrics["eval_loss"] for trial in trials for m in trial.measurements]


def test_a_worker_killed_in_mid_trial_costs_nothing_but_time(tmp_path):
    tree = toy_tree(toy={"seconds": 0.5}, budget={"trials": 3, "evaluations": 4})
    with started(tree, tmp_path, until="trial 0 ") as process:
        time.sleep(0.7)
        family = psutil.Process(process.pid).children(recursive=True)
        workers = [p for p in family if "RayTrainWorker" in " ".join(p.cmdline())]
        assert workers, "the slot's worker is a child of the driver"
        workers[0].kill()
        assert process.wait(timeout=120) == 0
    folder = check_books(tmp_path, "toy", trials=3)
    assert {r.status for r in folder.store.trials()} == {TrialStatus.COMPLETE}
    assert [r.attempts for r in folder.store.trials()] == [1, 2, 1]
    assert {r.provenance.device for r in folder.store.trials()} == {f"{platform.machine()} CPU"}

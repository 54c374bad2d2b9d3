"""What `sweep clean` deletes, and what it must never."""

from __future__ import annotations

import fcntl
import time

import pytest
import yaml
from record_samples import trial
from spec_samples import toy_tree
from typer.testing import CliRunner

from results.records.record import SweepRecord
from sweeps.cleaning.age import seconds_of
from sweeps.cli.app import app
from sweeps.home.home import SweepHome

SIZE = 1000


@pytest.fixture
def home(tmp_path) -> SweepHome:
    return SweepHome(tmp_path)


def make(home: SweepHome, name: str, ended: float = 0.0, **changes):
    """A sweep of a winner, a second, a pruned and an interrupted trial, all with weights."""
    folder = home.sweep(name)
    folder.path.mkdir(parents=True)
    folder.write_spec(yaml.safe_dump(toy_tree(name=name)))
    sweep = {"state": "interrupted", "created": ended - 10.0, "ended": ended, **changes}
    folder.store.write_sweep(SweepRecord(name=name, metric="eval_loss", mode="min", **sweep))
    losses = {"complete": (1.0,), "pruned": (3.0,), "interrupted": (0.5,)}
    for number, status in enumerate(["complete", "complete", "pruned", "interrupted"]):
        values = [loss + number for loss in losses[status]]
        folder.store.write_trial(trial(number, status, *values, sweep=name))
        for part in ("best", "checkpoints"):
            place = folder.store.trial_folder(number) / part
            place.mkdir()
            (place / "weights").write_bytes(b"x" * SIZE)
    folder.ray.mkdir()
    (folder.ray / "log").write_bytes(b"x" * SIZE)
    return folder


def clean(home: SweepHome, *words: str):
    return CliRunner().invoke(app, ["clean", *words, "--home", str(home.path)])


def left(folder) -> set[str]:
    return {
        str(place.relative_to(folder.path / "trials")) for place in folder.path.glob("*/*/[bc]*")
    }


OPEN = {"0003/best", "0003/checkpoints"}


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ((), {"0000/best"}),
        (("--keep-best", "2"), {"0000/best", "0001/best"}),
        (("--keep-best", "0"), set()),
    ],
)
def test_weights_of_the_best_and_of_open_trials_stay(home, options, kept):
    folder = make(home, "s")
    records = folder.store.trials()
    done = clean(home, "s", "--yes", *options)
    assert done.exit_code == 0, done.output
    assert left(folder) == kept | OPEN
    gone = 3 + 3 - len(kept) + 1  # checkpoints, weights, Ray's files
    assert f"Deleted {gone}.0 kB." in done.stdout
    assert folder.store.trials() == records and folder.spec.exists() and not folder.ray.exists()


def test_nothing_goes_without_being_listed_and_agreed_to(home):
    folder = make(home, "s")
    before = left(folder)
    done = clean(home, "s")
    assert done.exit_code == 2 and "add --yes" in done.stderr
    assert "weights of trial 1" in done.stdout and "To be deleted: 6.0 kB" in done.stdout
    assert "weights of trial 0" not in done.stdout
    assert left(folder) == before and folder.ray.exists()


def test_a_running_sweep_is_refused(home):
    folder = make(home, "s", state="running")
    before = left(folder)
    with (folder.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = clean(home, "s", "--yes")
        assert done.exit_code == 2 and "sweep 's' is running" in done.stderr
        assert clean(home, "--older-than", "30d", "--yes").stdout == "Nothing to delete.\n"
    assert left(folder) == before


def test_old_sweeps_are_cleaned_and_young_ones_are_not(home):
    old = make(home, "old", ended=time.time() - 40 * 86400)
    young = make(home, "young", ended=time.time() - 20 * 86400)
    resumed = make(home, "resumed", resumed=(time.time() - 86400,))
    done = clean(home, "--older-than", "30d", "--yes")
    assert done.exit_code == 0 and "young" not in done.stdout
    assert left(old) == {"0000/best"} | OPEN
    assert len(left(young)) == len(left(resumed)) == 8


def test_weights_that_the_registry_points_to_stay(home):
    from mlflow import MlflowClient

    folder = make(home, "s")
    client = MlflowClient(home.tracking_uri)
    client.create_registered_model("m")
    weights = folder.store.trial_folder(1) / "best"
    client.create_model_version("m", source=weights.as_uri())
    done = clean(home, "s", "--yes", "--keep-best", "0")
    assert done.exit_code == 0, done.output
    assert left(folder) == {"0001/best"} | OPEN
    assert f"stays: MLflow points to {weights}" in done.stdout


def test_a_registry_that_cannot_be_asked_keeps_all(home):
    folder = make(home, "s")
    (home.path / "mlflow.db").mkdir()
    before = left(folder)
    done = clean(home, "s", "--yes")
    assert done.exit_code == 2 and done.stderr.startswith("Error: nothing was deleted: ")
    assert left(folder) == before


def test_a_sweep_whose_data_is_gone_can_be_cleaned(home):
    folder = make(home, "s")
    folder.write_spec(yaml.safe_dump({"model": "/gone", "data": {"train": "/gone.jsonl"}}))
    assert clean(home, "s", "--yes").exit_code == 0
    assert left(folder) == {"0000/best"} | OPEN


def test_one_of_a_name_and_an_age_is_needed(home):
    make(home, "s")
    for words in ((), ("s", "--older-than", "1d")):
        assert "name a sweep, or use --older-than" in clean(home, *words).stderr
    assert "is not an age" in clean(home, "--older-than", "soon").stderr


def test_ages():
    assert [seconds_of(age) for age in ("2h", "1d", "1.5w")] == [7200, 86400, 10.5 * 86400]

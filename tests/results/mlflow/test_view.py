"""A sweep in MLflow's UI: the shared view, and the columns Dataset and Source, on a real store."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from mlflow import MlflowClient
from record_samples import full_sweep, full_trial

from results.mlflow.dataset import dataset_of
from results.mlflow.tracking import Tracker, share_view
from results.mlflow.view import view_state
from results.records.stamps import Stamps


@pytest.fixture
def uri(tmp_path):
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_the_view_selects_the_sweeps_trials_best_first(uri):
    tracker, sweep = Tracker(uri, "tuning"), full_sweep(tracking_uri=uri)
    parent = tracker.start_sweep(sweep, "name: x", Stamps().next())
    child = tracker.start_trial(full_trial(run_id=None), parent)
    tracker.start_sweep(full_sweep(name="other", created=1.0), "name: y", Stamps().next())
    page = share_view(uri, sweep.with_changes(run_id=parent), ["learning_rate", "schedule"])
    client = MlflowClient(uri)
    (experiment,) = client.search_experiments(filter_string="name = 'tuning'")
    address, key = page.split("?viewStateShareKey=")
    assert address == f"/#/experiments/{experiment.experiment_id}/runs"
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    found = client.search_runs([experiment.experiment_id], view["searchFilter"])
    assert [run.info.run_id for run in found] == [child]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`best_eval_loss`", True)
    assert view["selectedColumns"][:3] == [
        "params.`learning_rate`", "params.`schedule`", "metrics.`best_eval_loss`",
    ]  # fmt: skip
    (chart,) = view["compareRunCharts"]
    assert chart["type"] == "PARALLEL"
    assert chart["selectedParams"] == ["learning_rate", "schedule"]
    assert chart["selectedMetrics"] == ["best_eval_loss"]


def test_kept_weights_are_the_model_of_their_run_once(uri, tmp_path):
    """The column Model, by MLflow's own reading; the weights are stored once."""
    tracker, sweep = Tracker(uri, "tuning", f"file://{tmp_path}/artifacts"), full_sweep()
    parent = tracker.start_sweep(sweep, "name: x", Stamps().next())
    record = full_trial(run_id=None)
    child = tracker.start_trial(record, parent)
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "adapter.safetensors").write_bytes(b"weights")
    for _ in range(2):
        tracker.log_winner(child, record, tmp_path / "best")
    client = MlflowClient(uri)
    run = client.get_run(child)
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert model.status.name == "READY" and model.source_run_id == child
    assert model.name == f"{record.sweep}-{record.number}"
    assert model.tags["winnow.weights"] == f"runs:/{child}/model"
    assert model.params == run.data.params
    assert len(list((tmp_path / "artifacts").rglob("adapter.safetensors"))) == 1
    assert (
        "attributes.`Models`"
        in json.loads(view_state(full_sweep(run_id="r"), []))["selectedColumns"]
    )


def test_a_sweep_that_mlflow_does_not_know_has_no_view(uri):
    assert share_view(uri, full_sweep(run_id="0" * 32), []) is None
    assert share_view(uri, full_sweep(run_id=None), []) is None


def test_a_view_of_many_parameters_is_compressed_as_mlflow_does_it():
    names = [f"a.parameter.with.a.long.name.{number}" for number in range(100)]
    text = view_state(full_sweep(run_id="r", metric="eval_f1", mode="max"), names)
    head, _, body = text.partition(";")
    assert head == "deflate" and len(text) <= 5000
    view = json.loads(zlib.decompress(base64.b64decode(body)))
    assert view["compareRunCharts"][0]["selectedParams"] == names and not view["orderByAsc"]


def test_several_metrics_are_columns_by_their_last_values():
    sweep = full_sweep(run_id="r", other_metrics={"eval_kl": "min"})
    view = json.loads(view_state(sweep, ["learning_rate"]))
    assert "metrics.`eval_kl`" in view["selectedColumns"]
    assert view["orderByKey"] == "metrics.`eval_loss`"


def test_a_trials_data_and_sweep_are_in_mlflows_columns(uri):
    tracker = Tracker(uri, "tuning")
    parent = tracker.start_sweep(full_sweep(), "name: x", Stamps().next())
    record = full_trial(run_id=None)
    record = record.with_changes(config={**record.config, "data.train": "s3://u:p@b/train.jsonl"})
    for _ in range(2):  # the second call is that of a resumed sweep
        run_id = tracker.start_trial(record, parent)
    run = MlflowClient(uri).get_run(run_id)
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("train.jsonl", "d" * 36)
    assert "u:p" not in given.dataset.source and "train.jsonl" in given.dataset.source
    assert run.data.tags["mlflow.source.name"] == "alpaca"


@pytest.mark.parametrize(
    ("train", "name"),
    [
        ("builtin:pydoc", "builtin:pydoc"),
        ("data/alpaca/", "alpaca"),
        (["a/x.jsonl", "b/y.jsonl"], "x.jsonl and 1 more"),
    ],
)
def test_data_is_named_by_its_file(train, name):
    dataset = dataset_of(full_trial(config={"data.train": train}))
    assert dataset.name == name


def test_a_trial_without_data_has_no_dataset():
    assert dataset_of(full_trial()) is None
    assert dataset_of(full_trial(config={"data.train": "x"}, provenance=None)) is None

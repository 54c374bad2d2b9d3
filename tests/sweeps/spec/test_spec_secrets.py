"""No password gets past the reading of a sweep file, and none is repeated by what is said of it."""

from __future__ import annotations

import json
import traceback

import pytest
from spec_samples import toy_tree

from sweeps.spec.fields import changed
from sweeps.spec.spec import SpecError, SweepSpec

HERE = "contains a password or a token: "
SFT = toy_tree(objective="sft", model="org/model", data={"train": "org/data"}, search={})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tracking.uri", "https://me:{}@ml.example", f"{HERE}https://***@ml.example"),
        ("tracking.uri", "https://{}@ml.example", "MLflow reads MLFLOW_TRACKING_USERNAME and"),
        ("tracking.uri", "http://ml.example/?token={}", f"{HERE}http://ml.example/?token=***"),
        ("tracking.uri", "postgresql://me:{}@db/x", "client reads PGPASSWORD or ~/.pgpass"),
        ("tracking.uri", "mysql+pymysql://me:a/{}@db/x", f"{HERE}mysql+pymysql://***@db/x"),
        ("tracking.uri", "mssql://db/x?user=a&password={}", HERE),
        ("model", "https://me:{}@hub.example/org/model", f"model: {HERE}https://***@hub.example"),
        ("model", "hf://org/model?token={}", HERE),
        ("data.train", "s3://AKIA:{}@bucket/rows.jsonl", f"data.train: {HERE}s3://***@bucket/rows"),
        ("data.train", "https://x.example/r.jsonl?X-Amz-Signature={}", HERE),
        (
            "data.train",
            ["org/data", "https://u:{}@x.example/r.jsonl"],
            f"data.train[2]: {HERE}https",
        ),
        ("slots.deepspeed", {"config": {"comet": {"api_key": "{}"}}}, "is named like a secret"),
        ("search.sampler_options", {"url": "redis://:{}@host"}, f"{HERE}redis://***@host"),
    ],
)
def test_credentials_are_refused_unrepeated_with_the_way_out(field, value, message):
    secret = "hunter" + "2"
    value = json.loads(json.dumps(value).replace("{}", secret))
    with pytest.raises(SpecError) as refusal:
        SweepSpec.parse(changed(SFT, field, value))
    assert message in str(refusal.value)
    assert secret not in "".join(traceback.format_exception(refusal.value))


def test_credentials_in_a_deepspeed_json_are_refused_too(tmp_path):
    file = tmp_path / "ds.json"
    file.write_text(json.dumps({"wandb": {"enabled": True, "token": "hunter2"}}))
    with pytest.raises(
        SpecError, match=r"slots\.deepspeed\.config\.wandb\.token: is named like a secret"
    ):
        SweepSpec.parse(toy_tree(slots={"deepspeed": {"config": str(file)}}))


@pytest.mark.parametrize(
    "changes",
    [
        {"tracking": "https://me:{}@ml.example"},
        {"tracking": {"uri": ["https://me:{}@ml.example"]}},
        {"trackin": {"uri": "https://me:{}@ml.example"}},
        {"https://me:{}@ml.example": 1},
        {"name": "https://me:{}@ml.example"},
        {"method": "https://me:{}@ml.example"},
        {"lora": {"https://me:{}@ml.example": "x"}},
        {"search": {"metric": "https://me:{}@ml.example"}},
        {"space": {"learning_rate": "https://me:{}@ml.example"}},
        {"space": {"learning_rate": {"choice": ["https://me:{}@ml.example"]}}},
        {"budget": {"trials": "https://me:{}@ml.example"}},
        {"name": "x" * 3000 + "https://me:{}@ml.example"},
        {"name": "https://me:{}" + "x" * 3000},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated_either(changes):
    secret = "hunter" + "2"
    changes = json.loads(json.dumps(changes).replace("{}", secret))
    with pytest.raises(SpecError) as refusal:
        SweepSpec.parse(toy_tree(**changes))
    assert secret not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////home/me@work/a:b/mlflow.db?timeout=5",
        "postgresql://me@db/mlflow",
        "mysql+pymysql://me@db/mlflow?read_default_file=/home/me/.my.cnf",
        "http://127.0.0.1:5000",
        "databricks",
    ],
)
def test_an_address_without_secrets_is_taken(uri):
    assert SweepSpec.parse(toy_tree(tracking={"uri": uri})).tracking.uri == uri

"""Models in MLflow's registry that load and answer, without any of our packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from kept_sweep import answers, kept_sweep, tracked, tree_of
from mlflow import MlflowClient
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.export import export as room
from sweeps.export.fresh_process import metrics_of

PROMPTS = ["w3 w4 w5", "w9 w10 w11"]


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chats")
    return tracked(
        kept_sweep(
            folder,
            tree_of(folder, answers(40), budget={"trials": 2, "steps": 12, "evaluations": 2}),
            [{"learning_rate": 1e-2}, {"learning_rate": 1e-2, "method": "prefix"}],
        )
    )


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    rows = [{"text": f"w{n} w{n + 1} w{n % 7}", "label": "ab"[n % 2]} for n in range(2, 42)]
    tree = tree_of(folder, rows, objective="classification")
    return tracked(kept_sweep(folder, tree, [{"learning_rate": 1e-2}]))


@pytest.fixture(scope="module")
def in_this_process():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(room, "measured_afresh", metrics_of)
        yield


def register(home, *words):
    command = ["register", "kept", *words, "--home", str(home.path)]
    return CliRunner().invoke(app, command)


STRANGER = """
import json, sys, mlflow
sys.modules["trainables"] = sys.modules["sweeps"] = sys.modules["results"] = None
import pandas as pd
asked = pd.DataFrame({"prompt": json.loads(sys.argv[1])})
for tracking, model in json.loads(sys.argv[2]):
    mlflow.set_registry_uri(tracking); mlflow.set_tracking_uri(tracking)
    said = mlflow.pyfunc.load_model(model).predict(asked, params={"max_new_tokens": 5})
    print("ANSWERS", json.dumps(said))
"""


@pytest.fixture(scope="module")
def answered(chats, classes, tmp_path_factory, in_this_process) -> dict[str, list]:
    """What registered models say to PROMPTS, by address, in a process that cannot import our
    packages; one for all of them, since it imports MLflow and torch for ten seconds."""
    registered = {
        "models:/pydoc@champion": (chats, "--as", "pydoc@champion", "--merge"),
        "models:/prefix/latest": (chats, "--as", "prefix", "--trial", "1"),
        "models:/labels/1": (classes, "--as", "labels"),
    }
    for home, *words in registered.values():
        done = register(home, *words)
        assert done.exit_code == 0, done.output
        trial = words[-1] if "--trial" in words else "0"
        name = words[1].partition("@")[0]
        assert f"Trial {trial} of sweep kept: version 1 of {name}" in done.stdout
    asked = [(home.tracking_uri, model) for model, (home, *_) in registered.items()]
    done = subprocess.run(
        [sys.executable, "-P", "-c", STRANGER, json.dumps(PROMPTS), json.dumps(asked)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS")]
    said = [json.loads(line.removeprefix("ANSWERS")) for line in lines]
    return dict(zip(registered, said, strict=True))


def test_a_registered_chat_model_answers_as_the_export_does(chats, answered, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    to = ["export", "kept", "--merge", "--to", str(tmp_path / "out"), "--home", str(chats.path)]
    assert CliRunner().invoke(app, to).exit_code == 0
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    wanted = []
    for prompt in PROMPTS:
        text = f"### User:\n{prompt}\n\n### Assistant:\n"
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        for _ in range(5):
            following = model(ids).logits[0, -1].argmax()
            ids = torch.cat([ids, following.view(1, 1)], dim=1)
            if following == tokenizer.eos_token_id:
                break
        new = ids[0][len(tokenizer(text)["input_ids"]) :]
        wanted.append(tokenizer.decode(new, skip_special_tokens=True))
    assert answered["models:/pydoc@champion"] == wanted
    assert list(chats.path.glob(".register*")) == []
    version = MlflowClient(chats.tracking_uri).get_model_version_by_alias("pydoc", "champion")
    record = chats.sweep("kept").store.trials()[0]
    assert version.run_id == record.run_id and version.tags["winnow.trial"] == "0"
    assert version.tags["winnow.data_fingerprint"] == record.provenance.data_fingerprint


def test_an_adapter_that_cannot_be_merged_answers_too(answered):
    assert len(answered["models:/prefix/latest"]) == 2


def test_a_registered_classifier_names_labels(answered):
    found = answered["models:/labels/1"]
    assert all(each["label"] in ("a", "b") and 0.5 <= each["score"] <= 1 for each in found)


def test_a_new_version_takes_the_alias(chats, in_this_process):
    for _ in range(2):
        assert register(chats, "--as", "moving@best").exit_code == 0
    client = MlflowClient(chats.tracking_uri)
    assert client.get_model_version_by_alias("moving", "best").version == 2


def refused(home, *words) -> str:
    done = register(home, *words)
    assert done.exit_code == 2 and "Traceback" not in done.output, done.output
    return done.stderr


def test_what_cannot_be_registered_says_so(chats, in_this_process):
    for name in ("", "@best", "a/b", "a@"):
        assert "is not NAME or NAME@alias" in refused(chats, "--as", name)
    assert "cannot be merged" in refused(chats, "--as", "m", "--trial", "1", "--merge")
    store = chats.sweep("kept").store
    record = store.trials()[0]
    try:
        store.write_trial(record.with_changes(run_id=None))
        assert "has no run in MLflow" in refused(chats, "--as", "m")
        store.write_trial(record.with_changes(run_id="a" * 32))
        assert "nothing was registered: cannot register m" in refused(chats, "--as", "m")
    finally:
        store.write_trial(record)
    names = {model.name for model in MlflowClient(chats.tracking_uri).search_registered_models()}
    assert "m" not in names

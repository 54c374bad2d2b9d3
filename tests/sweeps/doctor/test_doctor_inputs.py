"""What `sweep doctor` says of a sweep's model, data and disk, as a launch would."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import tiny_training as tiny
import yaml
from data_samples import write_lines
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.doctor import inputs

ROWS = [{"prompt": f"w{n} w5 w6", "completion": "w7 w8"} for n in range(20, 60)]


@pytest.fixture
def tree(tmp_path):
    tiny.make_model(tmp_path / "model")
    write_lines(tmp_path / "rows.jsonl", ROWS)
    return {
        "name": "checked",
        "model": str(tmp_path / "model"),
        "data": {"train": str(tmp_path / "rows.jsonl"), "max_length": 32},
        "precision": "fp32",
        "budget": {"trials": 2, "steps": 2, "evaluations": 1},
        "space": {"lora.rank": {"choice": [2, 4]}},
        "slots": {"gpus": 0},
    }


@pytest.fixture
def doctor(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def run(tree):
        file = tmp_path / "sweep.yaml"
        file.write_text(yaml.safe_dump(tree))
        done = CliRunner().invoke(
            app, ["doctor", str(file), "--json", "--home", str(tmp_path / "home")]
        )
        found = json.loads(done.stdout)["findings"]
        return {
            each["check"]: (each["level"], f"{each['message']}; {each['remedy']}") for each in found
        }

    return run


def test_a_sound_sweep_is_looked_at_with_its_choices_data_memory_and_disk(doctor, tree):
    said = doctor(tree)
    assert {said[each][0] for each in ("model", "data", "memory", "checkpoints")} == {"ok"}
    assert "every choice of the 1 searched fields suits it" in said["model"][1]
    assert "train 38 sequences, validation 2 sequences" in said["data"][1]


def test_a_config_that_lies_about_the_weights_is_wrong(doctor, tree, tmp_path):
    config = tmp_path / "model/config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "hidden_size": 4096}))
    level, said = doctor(tree)["model"]
    assert level == "wrong" and "hidden_size: 4096" in said


def test_a_choice_that_the_model_cannot_have_is_wrong(doctor, tree):
    tree["space"] = {"lora.target_modules": {"choice": ["all-linear", ["no_such_module"]]}}
    level, said = doctor(tree)["spec"]
    assert level == "wrong" and "no_such_module" in said


def test_data_that_cannot_be_read_are_wrong(doctor, tree, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": 1}\n')
    assert doctor(tree)["data"][0] == "wrong"


def test_large_data_are_not_prepared(doctor, tree, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "_QUICK", 10)
    level, said = doctor(tree)["data"]
    assert level == "note" and "1 files: their rows are not read here" in said
    assert not (tmp_path / "home/cache/data").exists()


def test_a_disk_without_room_for_one_trials_checkpoints_is_wrong(doctor, tree, monkeypatch):
    full = SimpleNamespace(total=10**12, used=10**12 - 10**3, free=10**3)
    monkeypatch.setattr(
        "sweeps.preflight.preflight.shutil", SimpleNamespace(disk_usage=lambda _: full)
    )
    level, said = doctor(tree)["disk"]
    assert level == "wrong" and "the sweep may need" in said


def test_built_in_data_are_not_built(doctor, tree, tmp_path):
    tree["data"] = {"train": "builtin:pydoc"}
    level, said = doctor(tree)["model"]
    assert level == "ok" and "builtin:pydoc is built by the launch" in said
    assert not [*(tmp_path / "home").rglob("pydoc*")]

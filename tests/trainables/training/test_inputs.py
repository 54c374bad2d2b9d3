from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_samples import alpaca_rows, save_tokenizer, write_json
from safetensors.numpy import save_file

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.sequences import Sequences
from trainables.training import inputs as module
from trainables.training.inputs import model_fingerprint, prepare_inputs


@pytest.fixture
def model(tmp_path):
    folder = save_tokenizer(tmp_path / "model")
    (folder / "config.json").write_text('{"model_type": "llama"}')
    save_file({"weight": np.zeros(4)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def config(tmp_path, model):
    rows = write_json(tmp_path / "rows.json", alpaca_rows(40))
    return TrialConfig(model=str(model), data={"train": str(rows), "max_length": 64})


def test_what_trials_read_is_prepared_once(config, model, tmp_path):
    prepared = prepare_inputs(config, tmp_path / "cache")
    assert prepared.inputs.model.name == str(model)
    sides = [Sequences.open(f) for f in (prepared.inputs.train, prepared.inputs.validation)]
    assert len(sides[0]) > len(sides[1]) > 0
    assert prepared.description and prepared.data_fingerprint
    assert prepared.model_fingerprint == model_fingerprint(ModelSource(str(model)))
    written = prepared.inputs.train.stat().st_mtime_ns
    assert prepare_inputs(config, tmp_path / "cache") == prepared
    assert prepared.inputs.train.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("objective", "row", "labels"),
    [
        ("classification", lambda n: {"text": f"t{n}", "label": "ab"[n % 2]}, ("a", "b")),
        ("reward", lambda n: {"text": f"t{n}", "reward": n}, ("reward",)),
        ("dpo", lambda n: {"prompt": f"q{n}", "chosen": "yes", "rejected": "no"}, ()),
    ],
)
def test_trials_know_what_the_model_puts_out_and_where_the_test_set_is(
    config, tmp_path, objective, row, labels
):
    rows = write_json(tmp_path / "rows.json", [row(n) for n in range(40)])
    config = config.with_params({"objective": objective, "data.train": str(rows), "data.test": 0.1})
    inputs = prepare_inputs(config, tmp_path / "cache").inputs
    assert inputs.labels == labels
    assert inputs.test is not None and len(Examples(inputs.test)) == 4


@pytest.mark.parametrize("spelling", ["~/model", "./model"])
def test_a_workers_model_folder_does_not_depend_on_where_it_is_started(
    config, model, tmp_path, monkeypatch, spelling
):
    """Workers may have another home and another working folder than the one who launched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    prepared = prepare_inputs(config.with_params({"model": spelling}), Path("cache"))
    monkeypatch.chdir("/")
    assert Path(prepared.inputs.model.name).samefile(model)
    assert len(Sequences.open(prepared.inputs.train)) > 0


def test_equal_models_have_equal_fingerprints_and_changed_ones_do_not(model, tmp_path):
    first = model_fingerprint(ModelSource(str(model)))
    assert first == model_fingerprint(ModelSource(str(model.rename(tmp_path / "moved"))))
    model = tmp_path / "moved"
    (model / "README.md").write_text("words")
    assert model_fingerprint(ModelSource(str(model))) == first
    (model / "model.safetensors").write_bytes(b"WEIGHTS")
    second = model_fingerprint(ModelSource(str(model)))
    (model / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 32}')
    assert len({first, second, model_fingerprint(ModelSource(str(model)))}) == 3


def test_of_a_large_file_both_ends_and_the_size_count(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WHOLE_FILE_BYTES", 8)
    seen = set()
    for content in (
        b"head....middle....tail",
        b"HEAD....middle....tail",
        b"head....middle....TAIL",
        b"head....longer..middle....tail",
    ):
        (tmp_path / "model.safetensors").write_bytes(content)
        seen.add(model_fingerprint(ModelSource(str(tmp_path))))
    assert len(seen) == 4


def test_a_hub_models_fingerprint_is_its_name_and_revision():
    assert model_fingerprint(ModelSource("Qwen/Qwen2.5-0.5B")) == "Qwen/Qwen2.5-0.5B@main"
    assert model_fingerprint(ModelSource("Qwen/Qwen2.5-0.5B", "abc")) == "Qwen/Qwen2.5-0.5B@abc"

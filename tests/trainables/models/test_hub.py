"""Models by hub id, from the cache of downloads or a hub of our own: tests need no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
import tiny_training as tiny
from data_samples import write_json
from hub_server import hub_server

SCRIPT = """
import json, sys
from pathlib import Path
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.evaluation import Monitor, Verdict
from trainables.training.workshop import Workshop
from trainables.training.inputs import prepare_inputs

others = [name for name in ("ray", "mlflow", "optuna") if name in sys.modules]
rows, cache, absent, model = sys.argv[1:]
config = TrialConfig(
    model=absent, precision="fp32", data={"train": rows, "max_length": 512, "validation": 0.2},
    budget={"steps": 1, "evaluations": 1}, batch_size=2,
)
try:
    prepare_inputs(config, Path(cache))
except DataError as error:
    refusal = str(error)
config = config.with_params({"model": model})
prepared = prepare_inputs(config, Path(cache))

class Nobody(Monitor):
    def evaluated(self, evaluation): return Verdict()
    def asked_to_end(self): return None

outcome = Workshop(prepared.inputs).train(config, Nobody())
said = [refusal, outcome.ending.value, prepared.inputs.model.name, prepared.description, others]
Path(cache, "said.json").write_text(json.dumps(said))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A download cache that holds one model, as huggingface_hub lays it out."""
    folder = tmp_path_factory.mktemp("hub")
    repository = folder / "models--some-org--tiny"
    snapshot = repository / "snapshots" / ("a" * 40)
    shutil.copytree(tiny.make_model(folder / "model"), snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    return folder


@pytest.fixture(scope="module")
def said(cache, tmp_path_factory):
    """Of a model that is not in the cache, the error; of one that is, what came of it."""
    folder = tmp_path_factory.mktemp("hub-run")
    records = [{"instruction": f"w{n}", "output": f"w{n + 1} w{n + 2}"} for n in range(2, 22)]
    rows = write_json(folder / "rows.json", records)
    # The cache's place is read when the hub's library is imported.
    environment = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(rows), str(folder)]
    command += ["some-org/absent", "some-org/tiny"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "said.json").read_text())


def test_a_model_of_the_hub_is_trained_within_its_context(said):
    _, ending, model, description, _ = said
    assert (ending, model) == ("complete", "some-org/tiny")
    assert "max_length 512 is cut to the model's context" in description
    assert "at most 64 tokens each" in description


def test_training_needs_neither_ray_nor_mlflow_nor_optuna(said):
    assert said[-1] == []


def test_a_model_that_the_hub_does_not_give_is_one_clear_error(said):
    assert said[0].startswith(
        "model: some-org/absent is not a local folder and could not be loaded"
    )


DOWNLOAD = """
import json, sys
import torch
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.training.base import Loading, load_model

told = []
load_model(ModelSource(sys.argv[1]), Loading(torch.float32), progress=Progress(told.append))
phases = [each for phases in told for each in phases]
print(json.dumps([[each.text, each.done, each.total, each.unit] for each in phases]))
"""


def test_a_download_is_told_in_bytes_and_a_load_in_tensors(tmp_path):
    folder = tiny.make_model(tmp_path / "model")
    with hub_server("some-org/tiny", folder) as address:
        home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        environment = {**os.environ, **home, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-W", "ignore", "-c", DOWNLOAD, "some-org/tiny"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    size = (folder / "model.safetensors").stat().st_size
    assert ["downloading", size, size, "B"] in told
    tensors = [(done, total) for text, done, total, _ in told if text == "tensors"]
    assert tensors[-1][0] == tensors[-1][1] > 10
    texts = [text for text, *_ in told]
    assert texts.index("downloading") < texts.index("tensors"), "and it is over by then"
    assert "downloading" not in texts[texts.index("tensors") :]


ASK = """
import sys
from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import load_tokenizer, unreadable

source = ModelSource(sys.argv[1])
print(unreadable(source))
try:
    load_tokenizer(source)
except DataError as error:
    print(error)
"""


def test_a_gated_model_is_told_with_its_page_and_the_token(tmp_path):
    with hub_server("some-org/tiny", tmp_path, refused="GatedRepo") as address:
        home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": ""}
        environment = {**os.environ, **home, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-W", "ignore", "-c", ASK, "some-org/tiny"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    on_a_node, at_the_launch = done.stdout.splitlines()
    wanted = (
        f"some-org/tiny is gated: accept its terms on {address}/some-org/tiny, then set HF_TOKEN"
    )
    assert on_a_node.startswith(wanted)
    assert at_the_launch.startswith(f"model: {wanted}")

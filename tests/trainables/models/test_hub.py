"""Models by hub id, from a hub of our own and from the cache of downloads, without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_training as tiny
from data_samples import write_json
from hub_server import hub_server

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from huggingface_hub import constants
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.evaluation import Monitor, Verdict
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.training.base import Loading, load_model
from trainables.training.workshop import Workshop
from trainables.training.inputs import prepare_inputs

rows, cache, absent, model = sys.argv[1:]
config = TrialConfig(
    model=model, precision="fp32", data={"train": rows, "max_length": 512, "validation": 0.2},
    budget={"steps": 1, "evaluations": 1}, batch_size=2,
)
told = []
prepare_inputs(config, Path(cache, "first"))
load_model(ModelSource(model), Loading(torch.float32), progress=Progress(told.append))
phases = [[each.text, each.done, each.total, each.unit] for phases in told for each in phases]

constants.HF_HUB_OFFLINE = True  # what was downloaded is in the cache
try:
    prepare_inputs(config.with_params({"model": absent}), Path(cache))
except DataError as error:
    refusal = str(error)
prepared = prepare_inputs(config, Path(cache))

class Nobody(Monitor):
    def evaluated(self, evaluation): return Verdict()
    def asked_to_end(self): return None

outcome = Workshop(prepared.inputs).train(config, Nobody())
others = [name for name in ("ray", "mlflow", "optuna", "deepspeed") if name in sys.modules]
said = [refusal, outcome.ending, prepared.inputs.model.name, prepared.description, others, phases]
Path(cache, "said.json").write_text(json.dumps(said))
"""


class Said(NamedTuple):
    """Of a process that trains on a model of the hub."""

    refusal: str
    """The error of a model that is not in the cache."""
    ending: str
    model: str
    description: str
    others: list[str]
    phases: list[list]
    size: int
    """Bytes of the model's weights."""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> Said:
    """One process for all: it imports torch and transformers for ten seconds."""
    folder = tmp_path_factory.mktemp("hub")
    records = [{"instruction": f"w{n}", "output": f"w{n + 1} w{n + 2}"} for n in range(2, 22)]
    rows = write_json(folder / "rows.json", records)
    weights = tiny.make_model(folder / "model") / "model.safetensors"
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(rows), str(folder)]
    command += ["some-org/absent", "some-org/tiny"]
    with hub_server("some-org/tiny", folder / "model") as address:
        # These are read when the hub's library is imported.
        home = {"HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
        environment = {**os.environ, **home, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return Said(*json.loads(Path(folder, "said.json").read_text()), weights.stat().st_size)


def test_a_model_of_the_hub_is_trained_within_its_context(said):
    assert (said.ending, said.model) == ("complete", "some-org/tiny")
    assert "max_length 512 is cut to the model's context" in said.description
    assert "at most 64 tokens each" in said.description


def test_training_in_one_process_needs_neither_ray_nor_mlflow_nor_optuna_nor_deepspeed(said):
    assert said.others == []


def test_a_model_that_the_hub_does_not_give_is_one_clear_error(said):
    assert said.refusal.startswith(
        "model: some-org/absent is not a local folder and could not be loaded"
    )


def test_a_download_is_told_in_bytes_and_a_load_in_tensors(said):
    assert ["downloading", said.size, said.size, "B"] in said.phases
    tensors = [(done, total) for text, done, total, _ in said.phases if text == "tensors"]
    assert tensors[-1][0] == tensors[-1][1] > 10
    texts = [text for text, *_ in said.phases]
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

"""`sweep export` as its user meets it: what it writes, and one message for each obstacle."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import resource
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from kept_sweep import answers, kept_sweep, tree_of
from typer.testing import CliRunner

from results.records.record import TrialStatus
from sweeps.cli.app import app
from sweeps.export import fresh_process
from sweeps.home.home import SweepHome
from sweeps.spec.spec import SweepSpec

ROWS = answers(40)
POINTS = [{"learning_rate": 1e-2}, {"learning_rate": 3e-3}]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    model = folder / "model"
    tree = tree_of(folder, ROWS)
    (model / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n")
    return kept_sweep(folder, tree, POINTS)


@pytest.fixture
def in_this_process(monkeypatch):
    """What the fresh process does, without its start."""

    def run(command, **_):
        fresh_process.main(*map(Path, command[-2:]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fresh_process, "subprocess", SimpleNamespace(run=run))


@pytest.fixture
def own(home, tmp_path):
    """A copy of the sweep, to be damaged."""
    copy = SweepHome(tmp_path / "home")
    shutil.copytree(home.path, copy.path)
    return copy


def export(home, to, *options):
    command = ["export", "kept", "--to", str(to), *options, "--home", str(home.path)]
    return CliRunner().invoke(app, command)


def refused(home, to, *options) -> str:
    """The one message of an export that is refused, which leaves nothing."""
    beside = set(to.parent.iterdir())
    done = export(home, to, *options)
    assert done.exit_code == 2 and "Traceback" not in done.output, done.output
    assert set(to.parent.iterdir()) == beside
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    return said.removeprefix("Error: ")


def test_a_fresh_process_measures_what_the_sweep_did(home, tmp_path):
    done = export(home, tmp_path / "out", "--merge")
    assert done.exit_code == 0, done.output
    record = home.sweep("kept").store.trials()[0]
    loss = min(each.metrics["eval_loss"] for each in record.measurements)
    assert f"Trial 0 of sweep kept: whole model in {tmp_path / 'out'}" in done.stdout
    assert f"measured again: eval_loss {loss:.6f}, in the sweep {loss:.6f}" in done.stdout
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names >= {
        "README.md",
        "Modelfile",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "reproduce.sh",
        "requirements.txt",
        "tokenizer.json",
        "trial.yaml",
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_the_card_holds_what_was_measured_and_its_code_runs(home, tmp_path, in_this_process):
    export(home, tmp_path / "out", "--trial", "1")
    card = (tmp_path / "out" / "README.md").read_text()
    _, front, text = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "library_name": "peft",
        "license": "apache-2.0",
        "pipeline_tag": "text-generation",
        "tags": ["winnow", "sft", "lora"],
    }
    record = home.sweep("kept").store.trials()[1]
    best = min(each.metrics["eval_loss"] for each in record.measurements)
    losses = np.load(home.sweep("kept").store.trial_folder(1) / "sequence_losses.npz")
    sums, counts = losses["loss_sums"], losses["token_counts"]
    without = (sums.sum() - sums) / (counts.sum() - counts)  # the jackknife
    error = np.sqrt((len(sums) - 1) / len(sums) * ((without - without.mean()) ** 2).sum())
    base = home.sweep("kept").store.sweep().base["eval_loss"]
    row = re.search(r"\| eval_loss \| ([\d.]+) ± ([\d.]+) \| ([\d.]+) \|", text)
    assert [float(row[1]), float(row[3])] == pytest.approx([best, base], abs=1e-4)
    assert float(row[2]) == pytest.approx(error, rel=0.03)
    assert "It ranked 2 of the 2 trials" in text
    assert "| learning_rate | 0.003 | searched |" in text
    code = text.partition("```python\n")[2].partition("```")[0]
    names: dict = {}
    with contextlib.chdir(tmp_path / "out"):
        exec(code, names)
    assert names["model"].peft_config["default"].r == 4


def test_the_exported_template_renders_chats_as_training_did(home, tmp_path, in_this_process):
    from transformers import AutoTokenizer

    from trainables.data.records.conversation import Conversation, Message
    from trainables.data.rendering.rendering import render

    export(home, tmp_path / "out")
    exported = AutoTokenizer.from_pretrained(tmp_path / "out")
    trained = AutoTokenizer.from_pretrained(home.path.parent / "model")
    assert trained.chat_template is None
    turns = [("system", "w2"), ("user", "w3"), ("assistant", "w4"), ("user", "w5")]
    turns.append(("assistant", "w6 w7"))
    rows = [{"role": role, "content": text} for role, text in turns]
    first = "### System:\nw2\n\n### User:\nw3\n\n### Assistant:\nw4w1\n\n"
    asked = first + "### User:\nw5\n\n### Assistant:\n"
    assert exported.apply_chat_template(rows, tokenize=False) == f"{asked}w6 w7w1"
    prompt = exported.apply_chat_template(rows[:-1], tokenize=False, add_generation_prompt=True)
    assert prompt == asked
    chat = Conversation(tuple(Message.of(role, text) for role, text in turns))
    (rendered,) = render([chat], trained)
    ids = exported.apply_chat_template(rows, return_dict=True)["input_ids"]
    assert ids == rendered.whole.tokens.tolist()
    settings = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert trained.eos_token_id in np.atleast_1d(settings["eos_token_id"])


def test_the_spec_of_the_trial_holds_its_values_and_its_seed(home, tmp_path, in_this_process):
    export(home, tmp_path / "out", "--trial", "1")
    with contextlib.chdir(home.path.parent):
        spec = SweepSpec.load(tmp_path / "out" / "trial.yaml")
    record = home.sweep("kept").store.trials()[1]
    config = spec.trial.with_params({"learning_rate": 3e-3})
    assert config.flat() == record.config and config.seed == 101
    assert spec.trials == 1 and spec.search.early_stopping == "none"
    pins = (tmp_path / "out" / "requirements.txt").read_text()
    assert f"peft=={record.provenance.versions['peft']}\n" in pins and "+cpu" not in pins
    script = tmp_path / "out" / "reproduce.sh"
    assert subprocess.run(["sh", "-n", str(script)], check=True).returncode == 0


def test_what_is_there_stays(home, tmp_path, in_this_process):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    assert "--to: " in refused(home, tmp_path / "out") and (tmp_path / "out" / "mine").exists()
    (tmp_path / "file").write_text("mine")
    assert "exists already" in refused(home, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert export(home, tmp_path / "empty").exit_code == 0


def test_a_running_sweep_is_not_exported(own, tmp_path):
    store = own.sweep("kept").store
    store.write_sweep(store.sweep().with_changes(state="running"))
    with (own.sweep("kept").path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = refused(own, tmp_path / "out")
    assert said.startswith("sweep 'kept' is running; `sweep status kept")


def test_trials_without_weights_say_why(own, tmp_path):
    store = own.sweep("kept").store
    shutil.rmtree(store.trial_folder(1) / "best")
    assert "only those of the best trials are kept" in refused(
        own, tmp_path / "out", "--trial", "1"
    )
    first, second = store.trials()
    store.write_trial(second.with_changes(status=TrialStatus.PRUNED))
    said = refused(own, tmp_path / "out", "--trial", "1")
    assert "no complete trial: pruned after evaluation 2" in said
    assert "trials with weights: 0" in said
    assert "has no trial 7; they are 0 to 1" in refused(own, tmp_path / "out", "--trial", "7")
    shutil.rmtree(store.trial_folder(0) / "best")
    assert "they have been deleted" in refused(own, tmp_path / "out")
    store.write_trial(first.with_changes(status=TrialStatus.FAILED))
    assert "has no complete trial" in refused(own, tmp_path / "out")


def test_an_adapter_without_its_base_is_not_exported(own, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    store = own.sweep("kept").store
    store.write_sweep(store.sweep().with_changes(folder=str(folder)))
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    said = refused(own, tmp_path / "out")
    assert f"the folder model (looked from {folder}), does not exist any more" in said


def test_changed_data_cannot_check_an_export(own, tmp_path, in_this_process):
    store = own.sweep("kept").store
    sweep = store.sweep()
    known = sweep.provenance.with_changes(data_fingerprint="another")
    store.write_sweep(sweep.with_changes(provenance=known))
    said = refused(own, tmp_path / "out")
    assert "the data of sweep 'kept' has changed since its launch" in said
    assert "--unchecked" in said
    done = export(own, tmp_path / "out", "--unchecked")
    assert done.exit_code == 0 and "have not been measured" in done.stdout
    assert "have not been measured again" in (tmp_path / "out" / "README.md").read_text()


def test_weights_that_measure_differently_are_not_exported(own, tmp_path, in_this_process):
    store = own.sweep("kept").store
    shutil.rmtree(store.trial_folder(0) / "best")
    shutil.copytree(store.trial_folder(1) / "best", store.trial_folder(0) / "best")
    said = refused(own, tmp_path / "out")
    assert said.startswith("the export was not written, since it measures differently: eval_loss")


def test_damaged_weights_are_named(own, tmp_path, in_this_process):
    (file,) = (own.sweep("kept").store.trial_folder(0) / "best").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])
    said = refused(own, tmp_path / "out")
    assert "transformers and PEFT alone cannot load it: SafetensorError" in said


@pytest.fixture
def no_room():
    """No file may be larger than 2 kB: the write itself fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("options", [[], ["--merge"]], ids=["adapter", "merged"])
def test_a_full_disk_leaves_nothing(home, tmp_path, no_room, options):
    to = tmp_path / "exports" / "out"
    done = export(home, to, *options)
    assert done.exit_code == 2 and done.stderr == f"Error: {to}: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_known_to_be_too_small_is_refused_at_once(home, tmp_path, monkeypatch):
    tiny = shutil._ntuple_diskusage(10**6, 10**6, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: tiny)
    assert "--to: the export needs 0.00 GB, but" in refused(home, tmp_path / "out")


def test_an_adapter_has_no_other_precision(home, tmp_path):
    assert "--dtype: an adapter keeps" in refused(home, tmp_path / "out", "--dtype", "bf16")


def test_a_toy_sweep_has_nothing_to_export(tmp_path):
    home = SweepHome(tmp_path / "home")
    assert "no sweep 'kept'" in refused(home, tmp_path / "out")


@pytest.mark.ray
@pytest.mark.endtoend
def test_the_script_trains_the_trial_again(
    ray_cluster, home, tmp_path, in_this_process, monkeypatch
):
    """What it asks `sweep` for, and where, is done in this process."""
    export(home, tmp_path / "out", "--trial", "1")
    command, asked = tmp_path / "sweep", tmp_path / "asked"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$PWD" "$@" >>"{asked}"\n')
    command.chmod(0o755)
    monkeypatch.setenv("SWEEP", str(command))
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "again"))
    script = ["sh", str(tmp_path / "out" / "reproduce.sh"), str(home.path.parent)]
    subprocess.run(script, check=True)
    place, *arguments = asked.read_text().splitlines()
    with contextlib.chdir(place):
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    (again,) = SweepHome(tmp_path / "again").sweep("kept-trial-1").store.trials()
    before = home.sweep("kept").store.trials()[1]
    assert again.config == before.config
    losses = [
        [each.metrics["eval_loss"] for each in record.measurements] for record in (again, before)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)

"""Exports sent to a hub, which is a server on loopback."""

from __future__ import annotations

import pytest
from hub_uploads import hub_for_uploads
from kept_sweep import answers, kept_sweep, tree_of
from typer.testing import CliRunner

from sweeps.cli.app import app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("push")
    return kept_sweep(folder, tree_of(folder, answers(40)), [{"learning_rate": 1e-2}])


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub of this process; huggingface_hub reads these from the environment at its import."""
    with hub_for_uploads() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield hub


def pushed(home, to, *options):
    command = ["export", "kept", "--to", str(to), "--unchecked", *options]
    return CliRunner().invoke(app, [*command, "--home", str(home.path)])


def test_the_hub_gets_each_file_in_one_commit(home, hub, tmp_path):
    to = tmp_path / "out"
    done = pushed(home, to, "--merge", "--push", "someone/model")
    assert done.exit_code == 0, done.output
    assert f"Uploaded: {hub.address}/someone/model/commit/" in done.stdout
    assert hub.files == {file.name: file.read_bytes() for file in to.iterdir()}
    assert hub.message == "Trial 0 of sweep kept" and hub.created[0]["visibility"] == "private"
    assert hub.tokens == {"Bearer hf_secret"}
    assert "hf_secret" not in done.output


def test_a_hub_that_refuses_leaves_the_export_in_its_folder(home, hub, tmp_path):
    to = tmp_path / "out"
    hub.refuses = 403
    done = pushed(home, to, "--merge", "--push", "someone/model")
    assert done.exit_code == 2 and "Traceback" not in done.stderr
    assert f"`hf upload someone/model {to}` tries again" in done.stderr
    assert (to / "model.safetensors").exists() and hub.files == {}


def test_what_cannot_be_pushed_is_refused_before_any_work(home, hub, tmp_path, monkeypatch):
    to = tmp_path / "out"
    said = pushed(home, to, "--push", "someone/model").stderr
    assert "--push: the adapter needs its base, the folder" in said
    assert "names no owner" in pushed(home, to, "--push", "model").stderr
    assert "is no name on the hub" in pushed(home, to, "--push", "a//b").stderr
    monkeypatch.delenv("HF_TOKEN")
    assert "no token for the hub" in pushed(home, to, "--push", "someone/model").stderr
    assert hub.created == [] and not to.exists()

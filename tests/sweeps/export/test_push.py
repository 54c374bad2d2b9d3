"""Exports sent to a hub, which is a server on loopback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hub_uploads import hub_for_uploads
from kept_sweep import answers, kept_sweep, tree_of


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("push")
    return kept_sweep(folder, tree_of(folder, answers(40)), [{"learning_rate": 1e-2}])


def pushed(home, hub, to, *options, **environment):
    """The real command; huggingface_hub reads its address when it is imported."""
    command = [sys.executable, "-P", "-m", "sweeps.cli", "export", "kept", "--to", str(to)]
    places = {"HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_secret", "HF_HOME": str(to.parent / "hf")}
    return subprocess.run(
        [*command, "--unchecked", *options, "--home", str(home.path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **places, **environment},
    )


def test_the_hub_gets_each_file_in_one_commit(home, tmp_path):
    to = tmp_path / "out"
    with hub_for_uploads() as hub:
        done = pushed(home, hub, to, "--merge", "--push", "someone/model")
        assert done.returncode == 0, done.stderr
        assert f"Uploaded: {hub.address}/someone/model/commit/" in done.stdout
        assert hub.files == {file.name: file.read_bytes() for file in to.iterdir()}
        assert hub.message == "Trial 0 of sweep kept" and hub.created[0]["visibility"] == "private"
        assert hub.tokens == {"Bearer hf_secret"}
    assert "hf_secret" not in done.stdout + done.stderr


def test_a_hub_that_refuses_leaves_the_export_in_its_folder(home, tmp_path):
    to = tmp_path / "out"
    with hub_for_uploads() as hub:
        hub.refuses = 403
        done = pushed(home, hub, to, "--merge", "--push", "someone/model")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"`hf upload someone/model {to}` tries again" in done.stderr
    assert (to / "model.safetensors").exists() and hub.files == {}


def test_what_cannot_be_pushed_is_refused_before_any_work(home, tmp_path):
    to = tmp_path / "out"
    with hub_for_uploads() as hub:
        said = pushed(home, hub, to, "--push", "someone/model").stderr
        assert "--push: the adapter needs its base, the folder" in said
        assert "names no owner" in pushed(home, hub, to, "--push", "model").stderr
        assert "is no name on the hub" in pushed(home, hub, to, "--push", "a//b").stderr
        said = pushed(home, hub, to, "--push", "someone/model", HF_TOKEN="").stderr
        assert "no token for the hub" in said
        assert hub.created == [] and not to.exists()

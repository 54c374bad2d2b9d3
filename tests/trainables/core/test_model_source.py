"""Where a model comes from."""

import pytest

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.training.inputs import Inputs


@pytest.mark.parametrize("name", ["./m", "../m", "/m", "~/m", "a/b/c"])
def test_what_can_be_no_hub_id_is_a_path(name):
    assert ModelSource(name).is_path and ModelSource(name).folder is None


@pytest.mark.parametrize("name", ["m", "org/m"])
def test_a_name_that_is_a_folder_here_is_that_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = ModelSource(name)
    assert not source.is_path and source.folder is None
    (tmp_path / name).mkdir(parents=True)
    assert source.folder is not None and source.folder.samefile(tmp_path / name)


def test_a_hub_model_is_pinned_to_its_revision():
    assert ModelSource("org/m").pinned == "org/m@main"
    assert ModelSource("org/m", "v1").pinned == "org/m@v1"


def test_a_config_keeps_its_three_fields_and_gives_them_as_one():
    fields = {"model": "org/m", "model_revision": "v1", "trust_remote_code": True}
    config = TrialConfig(objective="toy", **fields)
    assert config.model_source == ModelSource("org/m", "v1", trust_remote_code=True)
    assert fields.items() <= config.flat().items()


def test_inputs_that_move_keep_revision_and_trust(tmp_path):
    source = ModelSource(str(tmp_path), "v1", trust_remote_code=True)
    train = tmp_path / "train"
    inputs = Inputs(source, train, train, tokenizer=str(tmp_path / "tokenizer"))
    moved = inputs.moved({str(tmp_path): "/m", str(train): "/t", str(tmp_path / "tokenizer"): "/k"})
    assert moved.model == ModelSource("/m", "v1", trust_remote_code=True)
    assert moved.tokenizer_source == ModelSource("/k", "v1", trust_remote_code=True)
    assert str(moved.train) == "/t" and inputs.model == source

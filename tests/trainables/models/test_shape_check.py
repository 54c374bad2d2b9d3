"""A config that describes another model than the weights beside it, seen from their headers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny_training as tiny

from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.models.model_folder import check_model


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return tiny.make_model(tmp_path_factory.mktemp("good") / "model")


@pytest.fixture
def model(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "model"))


def with_settings(model: Path, **settings) -> Path:
    known = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**known, **settings}))
    return model


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_hidden_layers": 3}, r"model\.layers\.2, but the weights have 2 layers there"),
        ({"intermediate_size": 96}, r"mlp\.\w+\.weight as [\dx ]*96.*, but the weights have .*48"),
        ({"num_key_value_heads": 4}, r"k_proj\.weight as 32 x 32, but the weights have 16 x 32"),
        ({"head_dim": 16}, r"q_proj\.weight as 64 x 32, but the weights have 32 x 32"),
        ({"hidden_size": 8192}, "hidden_size: 8192, but no tensor of the weights has that size"),
    ],
    ids=str,
)
@pytest.mark.parametrize("weights", [True, False], ids=["launch", "plan"])
def test_a_config_that_lies_about_sizes_is_refused_also_where_no_weights_are_needed(
    model, settings, message, weights
):
    source = ModelSource(str(with_settings(model, **settings)))
    with pytest.raises(ModelError, match=message) as refusal:
        check_model(source, weights=weights)
    assert "config.json" in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_model_that_passed_is_looked_at_again_once_its_weights_differ(model, tmp_path):
    passed = tmp_path / "passed"
    source = ModelSource(str(model))
    check_model(source, passed=passed)
    assert len([*passed.glob("sizes-*")]) == 1
    other = tiny.make_model(tmp_path / "other")
    from safetensors.torch import load_file, save_file

    weights = load_file(other / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]  # the layer is there in part
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    check_model(source, passed=passed)
    left = {name: each for name, each in weights.items() if "layers.1." not in name}
    save_file(left, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"describes model\.layers\.1"):
        check_model(source, passed=passed)


def test_heads_and_other_names_are_not_compared(model):
    """A classifier of three labels is built of a language model; a base has its names shortened."""
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    bare = {name.removeprefix("model."): each for name, each in weights.items()}
    save_file(bare, model / "model.safetensors", metadata={"format": "pt"})
    check_model(ModelSource(str(model)))
    with pytest.raises(ModelError, match=r"describes layers\.2"):
        check_model(ModelSource(str(with_settings(model, num_hidden_layers=3))))


def test_a_model_without_its_weights_can_be_planned(model):
    file = model / "model.safetensors"
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    source = ModelSource(str(model))
    check_model(source, weights=False)
    with pytest.raises(ModelError, match="is a Git LFS pointer"):
        check_model(source)
    file.unlink()
    check_model(source, weights=False)
    with pytest.raises(ModelError, match="has no weights"):
        check_model(source)


def test_shards_that_are_there_in_part_are_refused_where_no_weights_are_needed(model):
    (model / "model.safetensors").rename(model / "one.safetensors")
    source = ModelSource(str(model))
    with pytest.raises(ModelError, match=r"neither model\.safetensors nor"):
        check_model(source, weights=False)
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"names two\.safetensors, which is missing"):
        check_model(source, weights=False)

"""Models that are no models: refused before anything starts, by the name of the file."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_training as tiny
from data_samples import write_json

from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import context_length
from trainables.models.model_folder import check_model
from trainables.training.inputs import prepare_inputs

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><body>Log in to download</body></html>"
BOMB = struct.pack("<Q", 2**62) + b"{"
FAT_HEADER = struct.pack("<Q", 200_000_000) + b" " * 1000
LYING_HEADER = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 2**40]}})


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return tiny.make_model(tmp_path_factory.mktemp("good") / "model")


@pytest.fixture
def model(good, tmp_path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "model"))


def check(model: Path, trust: bool = False) -> None:
    check_model(ModelSource(str(model), trust_remote_code=trust))


def sharded(folder: Path, *names: str) -> None:
    weights = folder / "model.safetensors"
    (folder / "one.safetensors").write_bytes(weights.read_bytes())
    weights.unlink()
    index = {"weight_map": {f"w{n}": name for n, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_good_folders_pass(model):
    check(model)
    sharded(model, "one.safetensors")
    check(model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER, "is a Git LFS pointer; run `git lfs pull` there"),
        (PAGE, "is a web page instead of the file; download the file itself"),
        (b"", "is not a complete safetensors file"),
        (b"\x00" * 4, "is not a complete safetensors file"),
        (BOMB, "is not a complete safetensors file"),
        (FAT_HEADER, "is not a complete safetensors file"),
        (struct.pack("<Q", 3) + b"{}}", "is not a complete safetensors file"),
        (struct.pack("<Q", 8) + b"[" * 8, "is not a complete safetensors file"),
        (
            struct.pack("<Q", len(LYING_HEADER)) + LYING_HEADER.encode(),
            "is not a complete safetensors file",
        ),
        (b"\x80\x04\x95cos\nsystem", "is not a complete safetensors file"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_weights_is_named(model, content, message):
    file = model / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=message) as refusal:
        check(model)
    assert str(file) in str(refusal.value)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_download_that_broke_off_is_named(model, kept):
    file = model / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ModelError, match=r"model\.safetensors is not a complete safetensors file"):
        check(model)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), r"index\.json names no files"),
        (("one.safetensors", "two.safetensors"), r"names two\.safetensors, which is missing"),
        (("../../../etc/passwd",), r"names '\.\./\.\./\.\./etc/passwd', which is not in its"),
        (("/etc/passwd",), "which is not in its folder"),
    ],
)
def test_shards_are_there_and_nowhere_else(model, names, message):
    sharded(model, *names)
    with pytest.raises(ModelError, match=message):
        check(model)


def test_shards_without_their_index_are_named(model):
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    with pytest.raises(ModelError, match=r"neither model\.safetensors nor .*index\.json"):
        check(model)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, r"has no config\.json; use a folder to which save_pretrained wrote"),
        ("config.json", b'{"model_type": ', r"config\.json is not valid JSON"),
        ("config.json", b"[" * 100_000, r"config\.json is not valid JSON"),
        ("config.json", b"[]", r"config\.json must hold a mapping"),
        ("config.json", b"\xff\xfe{", r"config\.json is not valid JSON"),
        ("config.json", POINTER, r"config\.json is a Git LFS pointer"),
        ("tokenizer.json", PAGE, r"tokenizer\.json is a web page"),
        ("tokenizer_config.json", b"{", r"tokenizer_config\.json is not valid JSON"),
        ("generation_config.json", b"x", r"generation_config\.json is not valid JSON"),
        ("model.safetensors", None, r"has no weights; add model\.safetensors"),
    ],
)
def test_files_that_are_missing_or_broken_are_named(model, name, content, message):
    if content is None:
        (model / name).unlink()
    else:
        (model / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        check(model)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "chat_template.jinja"])
def test_what_has_no_end_is_not_read(model, name):
    (model / name).unlink(missing_ok=True)
    os.mkfifo(model / name)
    with pytest.raises(ModelError, match=f"{name} is not a regular file"):
        check(model)


def test_a_json_that_is_larger_than_any_is_not_read(model):
    with (model / "tokenizer.json").open("r+b") as file:
        file.truncate(2**28 + 1)
    with pytest.raises(ModelError, match=r"tokenizer\.json is larger than the limit of 256 MiB"):
        check(model)


def with_settings(model: Path, file: str = "config.json", **settings) -> Path:
    said = json.loads((model / file).read_text())
    (model / file).write_text(json.dumps({**said, **settings}))
    return model


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": "x"}, r"StrictDataclassFieldValidationError: .*'hidden_size'"),
        ({"dtype": "evil"}, "AttributeError: .*evil"),
        ({"model_type": ["llama"]}, "TypeError: unhashable"),
        ({"model_type": ["llama"], "auto_map": {"AutoConfig": "a.B"}}, "its own Python code"),
        ({"model_type": "new"}, "ValueError: .*new.*update transformers"),
        ({"max_position_embeddings": "x"}, "'max_position_embeddings'"),
        ({"quantization_config": 3}, "AttributeError"),
        ({"id2label": [1]}, "AttributeError"),
        ({"num_labels": 10**9}, "num_labels: 1000000000; remove that setting"),
        ({"num_hidden_layers": 10**9}, r"1000000000, but the weights have \d+ tensors"),
        ({"num_hidden_layers": -3}, r"num_hidden_layers: -3, but a model has at least 1"),
        ({"num_attention_heads": 0}, r"num_attention_heads: 0, but a model has at least 1"),
        ({"text_config": {"n_layer": 10**9}}, "n_layer: 1000000000, but the weights"),
        ({"hidden_size": 8192}, "hidden_size: 8192, but no tensor of the weights has that size"),
        ({"vocab_size": 151_936}, "vocab_size: 151936, but no tensor"),
    ],
    ids=str,
)
def test_a_config_of_which_no_model_is_built_is_one_message(model, settings, message):
    with pytest.raises(ModelError, match=message) as refusal:
        check(with_settings(model, **settings))
    assert "config.json" in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_act": "odd"}, "KeyError: 'odd'"),
        ({"rope_scaling": {"type": "odd"}}, "KeyError: 'odd'"),
        ({"vocab_size": -5}, "RuntimeError: .*negative dimension"),
        ({"hidden_size": 10**9}, "RuntimeError"),
        ({"text_config": [1]}, "AttributeError"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "ImportError: .*optimum"),
    ],
    ids=str,
)
def test_a_config_that_fails_when_the_model_is_built_is_one_message(model, settings, message):
    import torch

    from trainables.training.base import Loading, load_model

    with_settings(model, **settings)
    with pytest.raises(ModelError, match=f"its folder cannot be loaded: {message}"):
        load_model(ModelSource(str(model)), Loading(torch.float32))


@pytest.mark.parametrize("settings", [{"text_config": [1]}, {"max_position_embeddings": -3}])
def test_a_context_that_is_none_is_unknown(model, settings):
    config = json.loads((model / "config.json").read_text())
    del config["max_position_embeddings"]
    (model / "config.json").write_text(json.dumps(config))
    assert context_length(ModelSource(str(with_settings(model, **settings)))) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"tokenizer_class": ["x"]},
        {"chat_template": 3},
        {"eos_token": [1]},
        {"chat_template": "{{ 1 / 0 }}"},
    ],
    ids=str,
)
def test_a_tokenizer_config_of_nonsense_is_one_message(model, tmp_path, settings):
    with_settings(model, "tokenizer_config.json", **settings)
    with pytest.raises((DataError, ModelError), match="token"):
        prepare_inputs(trial(model, tmp_path), tmp_path / "cache")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "m.pt"])
def test_a_pickle_is_refused_unread_with_the_way_to_convert_it(model, name):
    (model / "model.safetensors").rename(model / name)
    with pytest.raises(ModelError, match=rf"weights in {name}, a pickle.*\.save_pretrained\("):
        check(model)


def test_an_adapters_folder_names_its_model(model):
    (model / "config.json").unlink()
    (model / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    with pytest.raises(ModelError, match=r"holds an adapter; use its base model.*org/base"):
        check(model)


@pytest.fixture
def with_adapter(model) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model)
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(model)
    return model


def test_an_adapter_beside_a_model_is_no_untouched_base(with_adapter):
    import torch

    from trainables.training.base import Loading, load_model

    with pytest.raises(ModelError, match=r"holds an adapter .* beside the model.*merge it"):
        check(with_adapter)
    with pytest.raises(ModelError, match="is loaded with an adapter; merge it"):
        load_model(ModelSource(str(with_adapter)), Loading(torch.float32))


@pytest.mark.parametrize("whole", [True, False])
def test_an_adapter_of_the_hub_is_refused_with_the_name_of_its_model(tmp_path, monkeypatch, whole):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    snapshot = tmp_path / "models--org--adapter" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    if whole:
        (snapshot / "config.json").write_text('{"model_type": "llama"}')
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40)
    with pytest.raises(ModelError, match=r"org/adapter holds an adapter; use .*org/base"):
        check_model(ModelSource("org/adapter"))


def trial(model: Path, tmp_path: Path, **fields) -> TrialConfig:
    records = [{"instruction": f"w{n}", "output": f"w{n + 1} w{n + 2}"} for n in range(2, 42)]
    rows = write_json(tmp_path / "rows.json", records)
    return TrialConfig(model=str(model), data={"train": str(rows), "max_length": 64}, **fields)


@pytest.mark.parametrize("content", [None, b"{}", b'{"version": "1.0", "model": {"type": "odd"}}'])
def test_a_tokenizer_that_is_missing_or_broken_is_named(model, tmp_path, content):
    for file in model.glob("*token*"):
        file.unlink()
    if content is not None:
        (model / "tokenizer.json").write_bytes(content)
    with pytest.raises(DataError, match=f"folder {model} has no loadable tokenizer"):
        prepare_inputs(trial(model, tmp_path), tmp_path / "cache")


CODE = """
from pathlib import Path
from trainables.core.model_source import ModelSource
from transformers import LlamaConfig, LlamaForCausalLM

Path({marker!r}).touch()

class OddConfig(LlamaConfig):
    model_type = "odd"

class OddModel(LlamaForCausalLM):
    config_class = OddConfig
"""


@pytest.fixture
def with_code(model, tmp_path, monkeypatch) -> Path:
    """A model with Python of its own, which leaves a mark when it runs."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    (model / "odd.py").write_text(CODE.format(marker=str(tmp_path / "it-ran")))
    config = json.loads((model / "config.json").read_text())
    config["model_type"] = "odd"
    config["auto_map"] = {"AutoConfig": "odd.OddConfig", "AutoModelForCausalLM": "odd.OddModel"}
    (model / "config.json").write_text(json.dumps(config))
    return model


def test_a_models_own_code_runs_only_where_the_spec_says_so(with_code, tmp_path):
    from trainables.training.workshop import Workshop

    ran = tmp_path / "it-ran"
    message = r"contains its own Python code \(config\.json: odd\.OddConfig, odd\.OddModel\)"
    with pytest.raises(ModelError, match=f"{message}.*trust_remote_code: true"):
        prepare_inputs(trial(with_code, tmp_path), tmp_path / "cache")
    assert not ran.exists()
    config = trial(with_code, tmp_path, trust_remote_code=True, precision="fp32")
    workshop = Workshop(prepare_inputs(config, tmp_path / "cache").inputs)
    assert workshop.measure_base(config).metrics["eval_loss"] > 0
    assert ran.exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"attn_implementation": "org/kernel"},
        {"_attn_implementation": "org/kernel@v1:name"},
        {"attn_implementation": {"": "sdpa", "text_config": "org/kernel"}},
        {"text_config": {"attn_implementation": "org/kernel"}},
    ],
    ids=str,
)
def test_a_kernel_of_the_hub_is_code_as_well(model, settings):
    with pytest.raises(ModelError, match=r"code from the repository org/kernel.*trust_remote_code"):
        check(with_settings(model, **settings))
    check(model, trust=True)
    check(with_settings(model, **{**dict.fromkeys(settings), "attn_implementation": "sdpa"}))


def test_code_beside_a_model_that_transformers_knows_is_never_run(with_code, tmp_path):
    config = json.loads((with_code / "config.json").read_text())
    config["model_type"] = "llama"
    (with_code / "config.json").write_text(json.dumps(config))
    from trainables.training.workshop import Workshop

    config = trial(with_code, tmp_path, precision="fp32")
    Workshop(prepare_inputs(config, tmp_path / "cache").inputs).measure_base(config)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("value", ["yes", 1, "true", None])
def test_trust_is_given_with_true_only(value):
    with pytest.raises(ValueError, match="trust_remote_code"):
        TrialConfig(model="m", objective="toy", trust_remote_code=value)


def test_a_configuration_that_passed_is_not_built_again_but_a_changed_one_is(model, tmp_path):
    passed = tmp_path / "passed"

    def imports_torch() -> bool:
        code = (
            "import sys; from pathlib import Path;"
            "from trainables.core.model_source import ModelSource;"
            "from trainables.models.model_folder import check_model;"
            f"check_model(ModelSource({str(model)!r}), passed=Path({str(passed)!r}));"
            "print('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert not done.returncode, done.stderr
        return done.stdout.split()[-1] == "True"

    assert imports_torch()
    assert not imports_torch()
    (model / "config.json").write_text(json.dumps({"model_type": "no-such-kind"}))
    with pytest.raises(ModelError, match="does not describe a valid model"):
        check_model(ModelSource(str(model)), passed=passed)
    with pytest.raises(ModelError, match="does not describe a valid model"):
        check_model(ModelSource(str(model)), passed=passed)

"""GGUF files, read again by transformers and by the gguf package; what cannot be written."""

from __future__ import annotations

import json
import re
import resource
import shutil

import gguf
import pytest
import torch
from kept_sweep import answers, kept_sweep, tree_of
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)
from typer.testing import CliRunner

from sweeps.base.errors import SweepError
from sweeps.builtin.tokenizer import train_tokenizer
from sweeps.cli.app import app
from sweeps.export.destination import written
from sweeps.export.gguf_file import FILE, write_gguf
from sweeps.export.gguf_vocabulary import vocabulary_of

TEXTS = ["def open(file): Open a file.", "Return the sum of 数 and 12345.", "  two  spaces\n"] * 20
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


def model(folder, kind=LlamaConfig, dtype=torch.float32, **changes):
    """A model with random weights and a tokenizer; the embedding has 4 more rows than tokens."""
    torch.manual_seed(1)
    folder.mkdir(exist_ok=True)
    train_tokenizer(TEXTS, 300, folder)
    made = AutoModelForCausalLM.from_config(kind(**{**SIZES, "vocab_size": 304, **changes}))
    made.to(dtype).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", [LlamaConfig, Qwen2Config, Qwen3Config])
@pytest.mark.parametrize("tied", [True, False])
def test_transformers_reads_the_same_model_from_the_file(tmp_path, kind, tied):
    folder = model(tmp_path, kind, tie_word_embeddings=tied)
    write_gguf(folder, "a model")
    ids = torch.arange(12)[None]
    with torch.no_grad():
        wanted = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
        found = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE)(ids).logits
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_what_it_is(tmp_path, dtype):
    write_gguf(model(tmp_path, dtype=dtype), "half")
    kinds = {each.tensor_type.name for each in gguf.GGUFReader(tmp_path / FILE).tensors}
    assert kinds == {"F32", "F16" if dtype is torch.float16 else "BF16"}


def test_the_vocabulary_is_the_tokenizers(tmp_path):
    folder = model(tmp_path)
    write_gguf(folder, "a model")
    reader = gguf.GGUFReader(folder / FILE)
    own = AutoTokenizer.from_pretrained(folder)
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    assert tokens[:300] == own.convert_ids_to_tokens(range(300))
    assert tokens[300:] == [f"[PAD{n}]" for n in range(300, 304)]
    assert reader.get_field("tokenizer.ggml.pre").contents() == "gpt-2"
    assert reader.get_field("tokenizer.ggml.add_bos_token").contents() is True
    assert reader.get_field("tokenizer.ggml.eos_token_id").contents() == own.eos_token_id
    merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
    assert reader.get_field("tokenizer.ggml.merges").contents() == [" ".join(m) for m in merges]


def test_qwens_way_of_splitting_is_known_by_its_expression(tmp_path):
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    folder = model(tmp_path)
    file = folder / "tokenizer.json"
    tree = json.loads(file.read_text())
    split = {"type": "Split", "pattern": {"Regex": PRETOKENIZE_REGEX}, "behavior": "Isolated"}
    last = {**tree["pre_tokenizer"], "use_regex": False}
    steps = [{**split, "invert": False}, last]
    file.write_text(json.dumps({**tree, "pre_tokenizer": {"type": "Sequence",
                                                          "pretokenizers": steps}}))  # fmt: skip
    assert vocabulary_of(folder, 304).split == "qwen2"
    steps[0]["pattern"] = {"Regex": "[a-z]+"}
    file.write_text(json.dumps({**tree, "pre_tokenizer": {"type": "Sequence",
                                                          "pretokenizers": steps}}))  # fmt: skip
    with pytest.raises(SweepError, match="no name in llama"):
        vocabulary_of(folder, 304)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
            "scaled rotary positions",
        ),
        ({"attention_bias": True}, "tensors differ: model.layers.0.self_attn.q_proj.bias"),
    ],
)
def test_a_model_that_would_be_read_differently_is_refused(tmp_path, changes, message):
    with pytest.raises(SweepError, match=re.escape(message)):
        write_gguf(model(tmp_path, **changes), "a model")


def test_a_wrong_tensor_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.export.gguf_file._PERMUTED", ())
    with pytest.raises(SweepError, match="these tensors differ: model"):
        write_gguf(model(tmp_path), "wrong")


def test_a_full_disk_leaves_nothing(tmp_path):
    folder, to = model(tmp_path / "model"), tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match=r"File too large|No space left") as error, written(to) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            write_gguf(new, "a model")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename == str(to)
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_the_command_refuses_before_any_work_and_leaves_nothing(tmp_path):
    tree = tree_of(tmp_path, answers(40))
    home = kept_sweep(tmp_path, tree, [{"learning_rate": 1e-2}])
    to = tmp_path / "out"
    command = ["export", "kept", "--to", str(to), "--home", str(home.path), "--gguf"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2 and "add --merge" in done.output
    done = CliRunner().invoke(app, [*command, "--merge", "--unchecked"])
    assert done.exit_code == 2 and "no name in llama.cpp" in " ".join(done.output.split())
    assert not to.exists() and not list(tmp_path.glob(".out*"))

"""Pickled weights and adapters become a whole model in safetensors, and nothing else runs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from data_samples import alpaca_rows, save_tokenizer, write_json

from benchmarks.families import config_of
from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS
from trainables.models.ready import made_ready
from trainables.training.inputs import prepare_inputs

TOKENS = torch.arange(3, 23)[None]


def whole(folder, family="Llama", dtype=torch.float32, **options):
    """A model with a tokenizer, saved; returns its logits for TOKENS."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = config_of(family)
    config.vocab_size = 320
    model = AutoModelForCausalLM.from_config(config).to(dtype).eval()
    save_tokenizer(folder)
    model.save_pretrained(folder, **options)
    return model


def logits(model):
    with torch.no_grad():
        return model(input_ids=TOKENS).logits


def loaded(folder, **options):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, **options).eval()


def ready(folder, cache, weights=True):
    source, remarks = made_ready(ModelSource(str(folder)), cache, weights, NO_PROGRESS)
    return Path(source.name), remarks


def pickled(folder, family="Llama", shards=1):
    model = whole(folder, family)
    (folder / "model.safetensors").unlink()
    states = list(model.state_dict().items())
    names = (
        [f"pytorch_model-{n}.bin" for n in range(shards)] if shards > 1 else ["pytorch_model.bin"]
    )
    parts = [dict(states[n::shards]) for n in range(shards)]
    for name, part in zip(names, parts, strict=True):
        torch.save(part, folder / name)
    if shards > 1:
        index = {key: name for name, part in zip(names, parts, strict=True) for key in part}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    return model


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("family", ["Llama", "Gemma 2"])  # the second ties its embeddings
def test_pickled_weights_are_converted_once_and_said(tmp_path, family, shards):
    model = pickled(tmp_path / "model", family, shards)
    made, (remark,) = ready(tmp_path / "model", tmp_path / "cache")
    torch.testing.assert_close(logits(loaded(made)), logits(model), atol=0, rtol=0)
    assert "its weights in pytorch_model" in remark and str(made) in remark
    assert not list(made.glob("*.bin*"))
    before = (made / "model.safetensors").stat().st_mtime_ns
    assert ready(tmp_path / "model", tmp_path / "cache")[0] == made
    assert (made / "model.safetensors").stat().st_mtime_ns == before
    assert ready(tmp_path / "model", tmp_path / "cache", weights=False) == (tmp_path / "model", ())


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


@pytest.mark.parametrize("content", ["code", "text", "list"])
def test_a_pickle_of_more_than_weights_is_not_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    pickled(tmp_path / "model")
    file = tmp_path / "model/pytorch_model.bin"
    if content == "code":
        torch.save({"w": torch.zeros(1), "x": Evil()}, file)
    elif content == "list":
        torch.save([torch.zeros(1)], file)
    else:
        file.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin (is not read|holds no mapping)"):
        ready(tmp_path / "model", tmp_path / "cache")
    assert not Path("touched").exists()
    assert not list((tmp_path / "cache").glob("*"))


def adapter(folder, base, **options):
    """A trained LoRA of a saved model; returns the adapted model."""
    from peft import LoraConfig, get_peft_model

    settings = {"r": 4, "target_modules": ["q_proj", "down_proj"], "task_type": "CAUSAL_LM"}
    model = get_peft_model(loaded(base), LoraConfig(**{**settings, **options}))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    model.save_pretrained(folder)
    return model.eval()


def test_an_adapter_given_as_the_model_is_merged_into_its_base(tmp_path, capfd):
    whole(tmp_path / "base")
    adapted = adapter(tmp_path / "adapter", tmp_path / "base")
    capfd.readouterr()
    made, (remark,) = ready(tmp_path / "adapter", tmp_path / "cache")
    assert "%|" not in "".join(capfd.readouterr()), "no bars of transformers"
    expected = logits(adapted)
    torch.testing.assert_close(logits(loaded(made)), expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(expected, logits(loaded(tmp_path / "base")), atol=1e-2)
    assert f"is an adapter of {tmp_path / 'base'}" in remark and str(made) in remark
    assert ready(tmp_path / "adapter", tmp_path / "cache")[0] == made


def test_a_merged_model_keeps_the_dtype_of_its_base(tmp_path):
    whole(tmp_path / "base", dtype=torch.bfloat16)
    adapter(tmp_path / "adapter", tmp_path / "base")
    made, _ = ready(tmp_path / "adapter", tmp_path / "cache")
    assert loaded(made, dtype="auto").dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "of type PREFIX_TUNING, which cannot be merged"),
        ({"task_type": "SEQ_CLS"}, "for the task SEQ_CLS"),
        ({"base_model_name_or_path": None}, "names no base_model_name_or_path"),
    ],
)
def test_an_adapter_that_cannot_be_merged_is_refused(tmp_path, change, message):
    whole(tmp_path / "base")
    adapter(tmp_path / "adapter", tmp_path / "base")
    file = tmp_path / "adapter/adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        ready(tmp_path / "adapter", tmp_path / "cache")


def test_an_adapter_of_another_base_is_refused(tmp_path):
    whole(tmp_path / "base")
    whole(tmp_path / "other", "Phi-3")
    adapter(tmp_path / "adapter", tmp_path / "base")
    file = tmp_path / "adapter/adapter_config.json"
    other = {"base_model_name_or_path": str(tmp_path / "other"), "target_modules": ["q_proj"]}
    file.write_text(json.dumps({**json.loads(file.read_text()), **other}))
    with pytest.raises(ModelError, match="use the base that it was trained on"):
        ready(tmp_path / "adapter", tmp_path / "cache")


def trial(model, tmp_path):
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    return TrialConfig.model_validate(
        {"model": str(model), "data": {"train": str(path), "max_length": 64}, "precision": "fp32"}
    )


@pytest.mark.parametrize("kind", ["pickle", "adapter", "shards", "bf16", "fp16"])
def test_a_trial_measures_each_kind_of_checkpoint_as_transformers_does(tmp_path, kind):
    from trainables.training.workshop import Workshop

    folder = tmp_path / "model"
    dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if kind == "pickle":
        truth = pickled(folder)
    elif kind == "adapter":
        whole(tmp_path / "base")
        truth = adapter(folder, tmp_path / "base")
    else:
        options = {"max_shard_size": "20KB"} if kind == "shards" else {}
        truth = whole(folder, dtype=dtypes.get(kind, torch.float32), **options).float()
    config = trial(folder, tmp_path)
    workshop = Workshop(prepare_inputs(config, tmp_path / "cache").inputs)
    losses = []
    for place in range(len(workshop.validation_set)):
        tokens, targets = workshop.validation_set[place].sequences[0]
        ids = torch.tensor(tokens, dtype=torch.long)[None]
        with torch.no_grad():
            scores = truth(input_ids=ids).logits[0, :-1].log_softmax(-1)
        losses.append(-scores.gather(1, ids[0, 1:, None])[:, 0][torch.tensor(targets[1:])])
    measured = workshop.measure_base(config).metrics["eval_loss"]
    assert measured == pytest.approx(float(torch.cat(losses).mean()), abs=2e-5)

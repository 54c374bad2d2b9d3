"""Weights that are tested after a sweep: whole, or refused by name."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
import tiny_training as tiny
from tiny_training import Watcher, run_trial

from trainables.core.errors import RefusedError


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    made = tiny.make_inputs(tmp_path_factory.mktemp("restore"))
    return dataclasses.replace(made, test=made.validation)


@pytest.fixture(scope="module")
def workshop(inputs):
    from trainables.training.workshop import Workshop

    return Workshop(inputs)


METHODS = ("full", "lora", "adapter", "prefix")


@pytest.fixture(scope="module")
def kept(workshop, tmp_path_factory):
    """For each method, a folder of weights and their loss."""
    found = {}
    for method in METHODS:
        watcher = Watcher(tmp_path_factory.mktemp(method))
        run_trial(workshop, watcher, method=method)
        found[method] = watcher._folder / "best", watcher.losses[-1]
    return found


def truncate(folder):
    (file,) = folder.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])


def drop(folder):
    """The last of the weights is not there."""
    _changed(folder, lambda weights: weights.popitem())


def stretch(folder):
    """The first of the weights has a row more."""

    def change(weights):
        import torch

        name, weight = next(iter(weights.items()))
        weights[name] = torch.cat([weight, weight[:1]])

    _changed(folder, change)


def rename(folder):
    _changed(folder, lambda weights: weights.update(another=weights.popitem()[1]))


def add(folder):
    _changed(folder, lambda weights: weights.update(another=next(iter(weights.values())).clone()))


def remove(folder):
    for file in folder.glob("*.safetensors"):
        file.unlink()


def _changed(folder, change):
    from safetensors.torch import load_file, save_file

    (file,) = folder.glob("*.safetensors")
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", [truncate, drop, stretch, rename, add, remove])
def test_weights_that_are_not_whole_are_refused_and_harm_no_other_trial(
    workshop, kept, tmp_path, method, fault
):
    whole, loss = kept[method]
    folder = shutil.copytree(whole, tmp_path / "weights")
    fault(folder)
    config = tiny.trial(method=method)
    with pytest.raises(RefusedError, match=f"the weights in {folder} do not match this trial"):
        workshop.test(config, folder)
    assert workshop.test(config, whole).metrics["test_loss"] == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", [truncate, remove])
def test_weights_that_cannot_be_read_cost_no_reload(
    workshop, kept, tmp_path, monkeypatch, method, fault
):
    whole, _ = kept[method]
    config = tiny.trial(method=method)
    workshop.test(config, whole)
    loads = tiny.loads_seen_by(monkeypatch)
    folder = shutil.copytree(whole, tmp_path / "weights")
    fault(folder)
    with pytest.raises(RefusedError):
        workshop.test(config, folder)
    workshop.test(config, whole)
    assert loads == []


@pytest.mark.parametrize(("method", "other"), [("full", "lora"), ("lora", "full")])
def test_weights_of_another_method_are_refused(workshop, kept, method, other):
    with pytest.raises(RefusedError, match="do not match this trial"):
        workshop.test(tiny.trial(method=method), kept[other][0])
    whole, loss = kept[method]
    tested = workshop.test(tiny.trial(method=method), whole)
    assert tested.metrics["test_loss"] == pytest.approx(loss, abs=1e-6)


def test_the_adapter_of_another_model_is_refused(workshop, kept, tmp_path):
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    foreign = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
        )
    )
    adapter = get_peft_model(foreign, LoraConfig(r=4, task_type="CAUSAL_LM"))
    adapter.save_pretrained(tmp_path / "foreign")
    with pytest.raises(
        RefusedError, match=r"size mismatch for .*lora_A.* shape torch.Size\(\[4, 16\]\)"
    ):
        workshop.test(tiny.trial(), tmp_path / "foreign")
    whole, loss = kept["lora"]
    tested = workshop.test(tiny.trial(), whole)
    assert tested.metrics["test_loss"] == pytest.approx(loss, abs=1e-6)


def test_weights_that_are_tied_to_others_need_not_be_there(tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM

    from trainables.models import tuned

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    trained = LlamaForCausalLM(config)
    tuned.save(trained, tmp_path / "tied", None)
    base = LlamaForCausalLM(config)
    assert tiny.fingerprint(base) != tiny.fingerprint(trained)
    restored = tuned.restore(base, tiny.trial(method="full"), tmp_path / "tied")
    assert tiny.fingerprint(restored) == tiny.fingerprint(trained)

"""What a slot holds of the base model, and where."""

from __future__ import annotations

import gc
import weakref

import pytest
import tiny_training as tiny

from trainables.core.model_source import ModelSource


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> ModelSource:
    return tiny.make_inputs(tmp_path_factory.mktemp("base")).model


@pytest.fixture
def on_meta(monkeypatch):
    """torch's "meta" stands for any device that is not the host. It holds nothing to compare."""
    from trainables.training.base import BaseModel

    monkeypatch.setattr(BaseModel, "_compare_head", lambda self, model: None)


def test_an_accelerator_holds_the_base_in_one_way_at_a_time(model, on_meta):
    import torch

    from trainables.training.base import BaseModel

    base = BaseModel(model, torch.device("meta"))
    first = weakref.ref(base.lend(tiny.trial(precision="fp32")))
    vars(first())["itself"] = [first()]  # many a model has such a circle
    gc.freeze()  # as at a trial's start
    assert base.lend(tiny.trial(precision="fp32", learning_rate=1.0)) is first()
    assert base.lend(tiny.trial(precision="bf16")).dtype is torch.bfloat16
    gc.collect()
    assert first() is None


def test_a_full_fine_tunes_pristine_copy_waits_on_the_host(model, on_meta):
    import torch

    from trainables.training.base import BaseModel

    base = BaseModel(model, torch.device("meta"))
    for _ in range(2):
        borrowed = base.lend(tiny.trial(method="full"))
        assert borrowed.device.type == "meta"
    held = list(base._loaded.values())
    assert [each.model.device.type for each in held] == ["cpu"]


def test_whole_logits_are_computed_and_remarked_once_where_a_head_cannot_be_asked_apart(
    model, monkeypatch
):
    import torch
    from transformers import LlamaForCausalLM

    from trainables.core.progress import Progress
    from trainables.training.base import BaseModel

    own = LlamaForCausalLM.forward

    def louder(self, **inputs):
        output = own(self, **inputs)
        output.logits = output.logits * 2
        return output

    said = []
    progress = Progress(lambda phases: None, said.append)
    base = BaseModel(model, torch.device("cpu"), progress=progress)
    base.lend(tiny.trial())
    assert base.tokens.logits == "targets" and said == []
    monkeypatch.setattr(LlamaForCausalLM, "forward", louder)
    other = BaseModel(model, torch.device("cpu"), progress=progress)
    for precision in ("fp32", "bf16"):
        other.lend(tiny.trial(precision=precision))
    assert other.tokens.logits == "whole"
    (remark,) = said
    assert "LlamaForCausalLM" in remark and "whole logits" in remark

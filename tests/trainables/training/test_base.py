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


def test_an_accelerator_holds_the_base_in_one_way_at_a_time(model):
    import torch

    from trainables.training.base import BaseModel

    # torch's "meta" stands for any device that is not the host.
    base = BaseModel(model, torch.device("meta"))
    first = weakref.ref(base.lend(tiny.trial(precision="fp32")))
    vars(first())["itself"] = [first()]  # many a model has such a circle
    gc.freeze()  # as at a trial's start
    assert base.lend(tiny.trial(precision="fp32", learning_rate=1.0)) is first()
    assert base.lend(tiny.trial(precision="bf16")).dtype is torch.bfloat16
    gc.collect()
    assert first() is None


def test_a_full_fine_tunes_pristine_copy_waits_on_the_host(model):
    import torch

    from trainables.training.base import BaseModel

    base = BaseModel(model, torch.device("meta"))
    for _ in range(2):
        borrowed = base.lend(tiny.trial(method="full"))
        assert borrowed.device.type == "meta"
    held = list(base._loaded.values())
    assert [each.model.device.type for each in held] == ["cpu"]

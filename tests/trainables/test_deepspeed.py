from __future__ import annotations

import pytest
from tiny_training import trial

from trainables.deepspeed import deepspeed_config


def engine(stage, **params):
    return deepspeed_config(trial(deepspeed__zero_stage=stage, **params), 4, 3)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_engine_trains_what_the_trial_says(stage):
    made = engine(stage, optimizer__max_grad_norm=0.25)
    assert made["zero_optimization"]["stage"] == stage
    assert made["train_micro_batch_size_per_gpu"] == 4
    assert made["gradient_accumulation_steps"] == 3
    assert made["gradient_clipping"] == 0.25
    assert not {"optimizer", "scheduler"} & set(made), "those are ours under every stage"


def test_only_bf16_trials_compute_in_bf16():
    assert engine(2, precision="bf16")["bf16"] == {"enabled": True}
    assert engine(2, precision="fp32")["bf16"] == {"enabled": False}


@pytest.mark.parametrize(("stage", "gathered"), [(2, None), (3, True)])
def test_stage_3_can_gather_its_weights_to_keep_them(stage, gathered):
    made = engine(stage)["zero_optimization"]
    assert made.get("stage3_gather_16bit_weights_on_model_save") is gathered


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_deepspeed_takes_it(stage, precision, monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    from deepspeed.runtime.config import DeepSpeedConfig

    read = DeepSpeedConfig(engine(stage, precision=precision))
    assert read.zero_config.stage == stage
    assert read.train_batch_size == 12, "4 sequences x 3 steps x 1 worker"

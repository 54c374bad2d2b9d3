"""A DeepSpeed JSON of the user's own, against DeepSpeed's and transformers' reading of it."""

from __future__ import annotations

import json
import os

import pytest
import tiny_training as tiny
from pydantic import ValidationError

from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.training.zero.settings import deepspeed_config, refused_settings

ZERO_3 = {
    "fp16": {"enabled": "auto", "loss_scale": 0, "initial_scale_power": 12},
    "bf16": {"enabled": "auto"},
    "optimizer": {
        "type": "AdamW",
        "params": {"lr": "auto", "betas": "auto", "eps": "auto", "weight_decay": "auto"},
    },
    "scheduler": {
        "type": "WarmupCosineLR",
        "params": {"warmup_num_steps": "auto", "total_num_steps": "auto"},
    },
    "zero_optimization": {
        "stage": 3,
        "offload_optimizer": {"device": "cpu", "pin_memory": False},
        "overlap_comm": True,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_gather_16bit_weights_on_model_save": "auto",
        "sub_group_size": 1e9,
    },
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "wall_clock_breakdown": False,
    "amp": {"enabled": False, "opt_level": "O1"},
}
"""As transformers' documentation writes it for ZeRO-3."""


def trial(config, **params):
    return tiny.trial(deepspeed__config=config, **params)


def refusals(config, workers=1, **params):
    return [each.message for each in refused_settings(trial(config, **params), workers)]


def test_a_json_that_leaves_to_the_trial_what_is_the_trials_is_taken(monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    from deepspeed.runtime.config import DeepSpeedConfig as TheirReading

    config = trial(ZERO_3, optimizer__max_grad_norm=0.25)
    assert refused_settings(config, workers=1) == []
    made = deepspeed_config(config, 4, 2)
    read = TheirReading(made)
    assert (read.zero_config.stage, read.zero_config.offload_optimizer.device) == (3, "cpu")
    assert read.zero_config.offload_optimizer.pin_memory is False
    assert read.zero_config.gather_16bit_weights_on_model_save is True
    assert read.float16_config.initial_scale_power == 12
    assert (read.train_batch_size, read.gradient_clipping) == (8, 0.25)
    assert not {"optimizer", "scheduler", "train_batch_size"} & set(made)


def test_transformers_fills_in_what_hangs_on_the_model():
    made = deepspeed_config(trial(ZERO_3), 4, 2)["zero_optimization"]
    left = {key for key, value in made.items() if value == "auto"}
    assert left == {
        "reduce_bucket_size",
        "stage3_prefetch_bucket_size",
        "stage3_param_persistence_threshold",
    }


def test_what_a_json_says_of_our_fields_becomes_them():
    read = DeepSpeedConfig(config=ZERO_3)
    assert (read.zero_stage, read.offload_optimizer, read.overlap_communication) == (3, "cpu", True)
    assert read.reduce_bucket_size is None, "auto says nothing"
    again = DeepSpeedConfig.model_validate(read.model_dump())
    assert again == read


def test_a_json_is_read_from_its_path(tmp_path):
    path = tmp_path / "zero3.json"
    path.write_text(json.dumps(ZERO_3))
    assert DeepSpeedConfig(config=str(path)) == DeepSpeedConfig(config=ZERO_3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read .No such file.*paths start from"),
        ("{", "is not valid JSON: Expecting property name"),
        ("[1]", "must hold a mapping of DeepSpeed settings"),
        ('{"zero_optimization": {"stage": 4}}', "zero_stage\n.*Input should be 0, 1, 2 or 3"),
    ],
)
def test_a_file_that_is_no_deepspeed_json_is_refused(tmp_path, text, message):
    path = tmp_path / "engine.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValidationError, match=message):
        DeepSpeedConfig(config=str(path))


@pytest.mark.parametrize(
    ("theirs", "params", "message"),
    [
        ({"train_batch_size": 64}, {}, "train_batch_size is 64 there, but batch_size makes it 8"),
        (
            {"train_micro_batch_size_per_gpu": 8},
            {},
            "train_micro_batch_size_per_gpu is 8 there, but micro_batch_size, batch_size and "
            "slots.workers make it 4",
        ),
        (
            {"gradient_accumulation_steps": 2},
            {},
            "gradient_accumulation_steps is 2 there, but batch_size, micro_batch_size and "
            "slots.workers make it 1",
        ),
        (
            {"gradient_clipping": 0.5},
            {},
            "gradient_clipping is 0.5 there, but optimizer.max_grad_norm makes it 1.0",
        ),
        (
            {"fp16": {"enabled": True}},
            {},
            "fp16.enabled is True there, but precision makes it False",
        ),
        (
            {"bf16": {"enabled": False}},
            {"precision": "bf16"},
            "bf16.enabled is False there, but precision makes it True",
        ),
        (
            {"zero_optimization": {"stage": 2}},
            {"deepspeed__zero_stage": 1},
            "zero_optimization.stage is 2 there, but slots.deepspeed.zero_stage makes it 1",
        ),
        (
            {"optimizer": {"type": "Lamb"}},
            {},
            "optimizer.type is Lamb there, but optimizer.name makes it AdamW",
        ),
        (
            {"optimizer": {"type": "AdamW", "params": {"lr": 1e-5}}},
            {},
            "optimizer.params.lr is 1e-05 there, but learning_rate makes it 0.01",
        ),
        (
            {"optimizer": {"type": "AdamW", "params": {"torch_adam": True}}},
            {},
            "optimizer.params.torch_adam is True there, but the trial's own optimizer has no",
        ),
        (
            {"scheduler": {"type": "WarmupDecayLR"}},
            {},
            "scheduler.type is WarmupDecayLR there, but schedule makes it WarmupCosineLR",
        ),
        (
            {"zero_force_ds_cpu_optimizer": True},
            {},
            "zero_force_ds_cpu_optimizer is True there, but a trial needs False",
        ),
        (
            {"gradient_allreduce_op": "sum"},
            {},
            "gradient_allreduce_op is sum there, but a trial needs mean",
        ),
        ({"amp": {"enabled": True}}, {}, "amp would train in a different precision"),
        (
            {"data_efficiency": {"enabled": True}},
            {},
            "data_efficiency would change the data order",
        ),
        (
            {"csv_monitor": {"enabled": True, "output_path": "/etc"}},
            {},
            "csv_monitor would write outside the trial's folder",
        ),
        ({"tensorboard": {"enabled": True}}, {}, "tensorboard would write outside"),
        ({"wandb": {"enabled": True}}, {}, "wandb would send training results to an external"),
        ({"comet": {"project": "x"}}, {}, "comet would send training results to an external"),
        ({"nebula": {"enabled": True}}, {}, "nebula would send training results to an external"),
        ({"autotuning": {"enabled": True}}, {}, "autotuning would change the trial"),
        (
            {"flops_profiler": {"enabled": True, "output_file": "/tmp/x"}},
            {},
            "flops_profiler.output_file would write outside",
        ),
        (
            {"zero_optimization": {"stage": 2, "cpu_offload": True}},
            {},
            "zero_optimization.cpu_offload is deprecated",
        ),
    ],
)
def test_what_contradicts_the_trial_is_refused(theirs, params, message):
    (refusal,) = refusals(theirs, workers=2, **params)
    assert refusal.startswith(message)


@pytest.mark.parametrize(
    ("theirs", "searched", "named"),
    [
        ({"train_batch_size": 8}, ["batch_size"], ["batch_size"]),
        ({"train_micro_batch_size_per_gpu": 9}, ["batch_size"], ["batch_size"]),
        (
            {"gradient_accumulation_steps": 1},
            ["batch_size", "micro_batch_size"],
            ["batch_size and micro_batch_size"],
        ),
        (
            {"fp16": {"enabled": False}, "bf16": {"enabled": False}},
            ["precision"],
            ["precision"] * 2,
        ),
        (
            {"optimizer": {"params": {"betas": [0.9, 0.99]}}},
            ["optimizer.beta2"],
            ["optimizer.beta2"],
        ),
        ({"scheduler": {"type": "WarmupDecayLR"}}, ["schedule"], ["schedule"]),
    ],
)
def test_of_what_is_searched_a_json_says_nothing(theirs, searched, named):
    """Also not what the trial happens to say while nothing is drawn yet."""
    said = refused_settings(trial(theirs), workers=2, searched=searched)
    assert len(said) == len(named)
    for found, fields in zip(said, named, strict=True):
        assert f"there, but the space searches {fields}, so it differs" in found.message


def test_what_is_searched_may_be_left_to_the_trial():
    searched = ["batch_size", "precision", "learning_rate", "optimizer.beta1"]
    assert refused_settings(trial(ZERO_3), workers=2, searched=searched) == []


def test_a_searched_batch_size_hides_no_other_contradiction():
    """Though the batch size that stands there for now does not divide among the workers."""
    config = trial({"gradient_clipping": 3.0}, batch_size=8)
    (said,) = refused_settings(config, workers=3, searched=["batch_size"])
    assert said.message.startswith("gradient_clipping is 3.0")


def test_every_contradiction_is_named_at_once_with_its_way_out():
    config = trial({"train_batch_size": 64, "gradient_clipping": 3, "bf16": {"enabled": True}})
    found = refused_settings(config, workers=2)
    assert len(found) == 3
    assert found[0].remedy == 'write "auto" there, or change batch_size'


@pytest.mark.parametrize(
    "theirs",
    [
        {"train_batch_size": 8, "gradient_clipping": 1, "fp16": {"enabled": False}},
        {"optimizer": {"type": "adamw", "params": {"lr": 0.01, "betas": [0.9, 0.999]}}},
        {"zero_optimization": {"reduce_bucket_size": 5e8}},
    ],
)
def test_repeating_what_the_trial_says_is_no_contradiction(theirs):
    assert refusals(theirs) == []


def test_a_file_without_an_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * 2**21)
    for name, said in [
        (tmp_path / "pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        (tmp_path / "large", "larger than the limit of 1 MiB"),
    ]:
        with pytest.raises(ValidationError, match=said):
            DeepSpeedConfig(config=str(name))

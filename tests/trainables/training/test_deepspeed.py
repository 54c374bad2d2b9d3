from __future__ import annotations

import json

import pytest
from tiny_training import trial

from trainables.training.zero.settings import deepspeed_config, refused_settings


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


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("offload_optimizer", "cpu", lambda zero: zero.offload_optimizer.device),
        ("offload_parameters", "cpu", lambda zero: zero.offload_param.device),
        ("quantized_weights", True, lambda zero: zero.zero_quantized_weights),
        ("quantized_gradients", True, lambda zero: zero.zero_quantized_gradients),
        ("hierarchical_partition_size", 2, lambda zero: zero.zero_hpz_partition_size),
        ("reduce_bucket_size", 12345, lambda zero: zero.reduce_bucket_size),
        ("allgather_bucket_size", 54321, lambda zero: zero.allgather_bucket_size),
        ("overlap_communication", False, lambda zero: zero.overlap_comm),
    ],
)
def test_deepspeed_understands_each_setting(field, value, read, monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    from deepspeed.runtime.config import DeepSpeedConfig

    settings = engine(3, **{f"deepspeed__{field}": value})
    assert read(DeepSpeedConfig(settings).zero_config) == value


def with_json(tmp_path, tree, **params):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(tree))
    return trial(deepspeed__config=str(path), **params)


def test_a_json_of_the_users_own_is_merged_in(tmp_path):
    tree = {
        "zero_optimization": {"stage": 3, "sub_group_size": 1000, "reduce_bucket_size": 777},
        "train_micro_batch_size_per_gpu": "auto",
        "wall_clock_breakdown": True,
    }
    config = with_json(tmp_path, tree)
    assert config.deepspeed.zero_stage == 3, "what it says of our fields is taken over"
    made = deepspeed_config(config, 4, 3)
    assert made["zero_optimization"]["sub_group_size"] == 1000
    assert made["zero_optimization"]["reduce_bucket_size"] == 777
    assert made["wall_clock_breakdown"] is True
    assert made["train_micro_batch_size_per_gpu"] == 4
    assert refused_settings(config, workers=1) == []


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"train_batch_size": 64}, "train_batch_size is 64 there, but batch_size makes it 8"),
        ({"bf16": {"enabled": True}}, "bf16.enabled is True there, but precision makes it False"),
        ({"gradient_clipping": 9.0}, "gradient_clipping is 9.0 there, but optimizer.max_grad_norm"),
        ({"optimizer": {"type": "Lion"}}, "optimizer.type is Lion there, but optimizer.name makes"),
        ({"amp": {"enabled": True}}, "amp would train in a different precision"),
        ({"data_efficiency": {"seed": 1}}, "data_efficiency would change the data order"),
    ],
)
def test_what_a_json_contradicts_is_named_with_both_values(tmp_path, tree, message):
    (said,) = refused_settings(with_json(tmp_path, tree), workers=1)
    assert said.message.startswith(message)
    assert said.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not valid JSON"), ("[1]", "must hold a mapping of DeepSpeed settings")],
)
def test_a_json_that_is_none_is_named(tmp_path, text, message):
    path = tmp_path / "ds.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        trial(deepspeed__config=str(path))
    with pytest.raises(ValueError, match=r"absent.json cannot be read \(No such file"):
        trial(deepspeed__config=str(tmp_path / "absent.json"))

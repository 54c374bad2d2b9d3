from __future__ import annotations

import pytest
from tiny_training import trial

from trainables.deepspeed import deepspeed_config


def engine(stage, **params):
    return deepspeed_config(trial(deepspeed__zero_stage=stage, **params), 4, 3)


@pytest.fixture
def as_deepspeed_reads(monkeypatch):
    """DeepSpeed's own reading of a configuration, which refuses names that it does not know."""
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    from deepspeed.runtime.config import DeepSpeedConfig

    return DeepSpeedConfig


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_engine_trains_what_the_trial_says(stage):
    made = engine(stage, optimizer__max_grad_norm=0.25)
    assert made["zero_optimization"]["stage"] == stage
    assert made["train_micro_batch_size_per_gpu"] == 4
    assert made["gradient_accumulation_steps"] == 3
    assert made["gradient_clipping"] == 0.25
    assert not {"optimizer", "scheduler"} & set(made), "those are ours under every stage"


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_deepspeed_computes_in_the_trials_precision(as_deepspeed_reads, stage, precision):
    read = as_deepspeed_reads(engine(stage, precision=precision))
    assert read.bfloat16_config.enabled is (precision == "bf16")
    assert read.float16_config.enabled is (precision == "fp16")
    assert read.float16_config.loss_scale == 0, "which is DeepSpeed's word for a dynamic one"
    assert read.train_batch_size == 12, "4 sequences x 3 steps x 1 worker"


@pytest.mark.parametrize(("stage", "gathered"), [(2, False), (3, True)])
def test_stage_3_can_gather_its_weights_to_keep_them(as_deepspeed_reads, stage, gathered):
    read = as_deepspeed_reads(engine(stage)).zero_config
    assert read.gather_16bit_weights_on_model_save is gathered


@pytest.mark.parametrize(
    ("settings", "theirs", "value"),
    [
        ({"offload_optimizer": "cpu"}, "offload_optimizer.device", "cpu"),
        ({"offload_parameters": "cpu"}, "offload_param.device", "cpu"),
        ({"offload_optimizer": "nvme", "nvme_path": "/n"}, "offload_optimizer.device", "nvme"),
        ({"offload_optimizer": "nvme", "nvme_path": "/n"}, "offload_optimizer.nvme_path", "/n"),
        ({"offload_parameters": "nvme", "nvme_path": "/n"}, "offload_param.nvme_path", "/n"),
        ({"quantized_weights": True}, "zero_quantized_weights", True),
        ({"quantized_gradients": True}, "zero_quantized_gradients", True),
        ({"hierarchical_partition_size": 8}, "zero_hpz_partition_size", 8),
        ({"reduce_bucket_size": 1000}, "reduce_bucket_size", 1000),
        ({"allgather_bucket_size": 2000}, "allgather_bucket_size", 2000),
        ({"overlap_communication": False}, "overlap_comm", False),
    ],
    ids=str,
)
def test_each_setting_is_deepspeeds(as_deepspeed_reads, settings, theirs, value):
    config = trial(**{f"deepspeed__{name}": each for name, each in settings.items()})
    config = config.with_params({"deepspeed.zero_stage": 3})
    read = as_deepspeed_reads(deepspeed_config(config, 4, 3)).zero_config
    for part in theirs.split("."):
        read = getattr(read, part)
    assert str(read) == value if isinstance(value, str) and "/" in value else read == value


def test_what_is_unset_is_left_to_deepspeed(as_deepspeed_reads):
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

    read = as_deepspeed_reads(engine(2)).zero_config.model_dump()
    default = DeepSpeedZeroConfig(stage=2).model_dump()
    for part in ("offload_optimizer", "offload_param"):
        assert read.pop(part)["device"] == "none" and default.pop(part) is None
    assert read == default


@pytest.mark.parametrize("name", ["adamw", "adam", "adamw_fused"])
@pytest.mark.parametrize("device", ["none", "cpu"])
def test_adam_steps_with_the_fast_kernel_where_its_state_is_on_the_host(name, device):
    from trainables.optimizers import optimizer

    config = trial(optimizer__name=name, deepspeed__offload_optimizer=device)
    fast = device == "cpu" or name == "adamw_fused"
    assert optimizer(config)[1].get("fused", False) is fast

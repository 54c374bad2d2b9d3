"""TrialConfig -> DeepSpeed's own configuration. Pure; the names are DeepSpeed's."""

from __future__ import annotations

from typing import Any

from trainables.config import TrialConfig


def deepspeed_config(
    config: TrialConfig, micro_batch_size: int, accumulation: int
) -> dict[str, Any]:
    """The engine's settings for a trial whose config has `deepspeed` set.

    The optimizer and the schedule stay ours, so that a trial means the same under every stage.
    """
    assert config.deepspeed is not None, "asked for a DeepSpeed config of a trial without DeepSpeed"
    stage = config.deepspeed.zero_stage
    zero: dict[str, Any] = {"stage": stage}
    if stage == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    return {
        "zero_optimization": zero,
        "bf16": {"enabled": config.precision == "bf16"},
        "train_micro_batch_size_per_gpu": micro_batch_size,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": config.optimizer.max_grad_norm,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 2**31 - 1,
    }

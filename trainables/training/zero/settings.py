"""TrialConfig -> DeepSpeed's own configuration. Pure; the names are DeepSpeed's."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from search_spaces.problem import Problem
from trainables.config.batch_split import split_batch
from trainables.config.deepspeed_config import DeepSpeedConfig, OffloadDevice
from trainables.config.deepspeed_json import contradictions, merged
from trainables.config.trial import TrialConfig

_OPTIMIZERS: Mapping[str, str] = {"adamw": "AdamW", "adamw_fused": "AdamW", "adam": "Adam"}
_SCHEDULERS: Mapping[str, str] = {
    "constant": "WarmupLR",
    "linear": "WarmupDecayLR",
    "cosine": "WarmupCosineLR",
}


def deepspeed_config(
    config: TrialConfig, micro_batch_size: int, accumulation: int
) -> dict[str, object]:
    """The engine's settings for a trial whose config has `deepspeed` set.

    The optimizer and the schedule stay ours, so that a trial means the same under every stage. The
    user's own JSON is merged in; contradictions must have been refused before.
    """
    engine = config.deepspeed
    assert engine is not None, "asked for a DeepSpeed config of a trial without DeepSpeed"
    ours = _ours(config, engine, micro_batch_size, accumulation)
    return merged(engine.config, ours) if engine.config else ours


def refused_settings(
    config: TrialConfig, workers: int, searched: Collection[str] = ()
) -> list[Problem]:
    """Contradictions between the user's own JSON and a trial on this number of workers.

    `searched` are the fields in which a sweep's trials differ. ValueError if the batch does not
    divide among the workers.
    """
    engine = config.deepspeed
    if engine is None or not engine.config:
        return []
    # Values that follow from a searched batch size are not compared; any that divides is fine.
    step_size = workers if "batch_size" in searched else config.learns.step_size(config)
    micro, accumulation = split_batch(step_size, workers, config.micro_batch_size)
    ours = _ours(config, engine, micro, accumulation)
    return list(contradictions(engine.config, {**ours, **_said_elsewhere(config)}, searched))


def _ours(
    config: TrialConfig, engine: DeepSpeedConfig, micro_batch_size: int, accumulation: int
) -> dict[str, object]:
    return {
        "zero_optimization": _zero(engine),
        "bf16": {"enabled": config.precision == "bf16"},
        # Scales the loss by itself: DeepSpeed's default loss_scale 0 is the dynamic one.
        "fp16": {"enabled": config.precision == "fp16"},
        "train_micro_batch_size_per_gpu": micro_batch_size,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": config.optimizer.max_grad_norm,
        "gradient_allreduce_op": "mean",
        "zero_allow_untested_optimizer": True,
        # Otherwise Accelerate would replace the optimizer by its own Adam, without its constants.
        "zero_force_ds_cpu_optimizer": False,
        **({} if _says(engine, "steps_per_print") else {"steps_per_print": 2**31 - 1}),
    }


def _zero(engine: DeepSpeedConfig) -> dict[str, object]:
    settings = {
        "stage": engine.zero_stage,
        "offload_optimizer": _offload(engine.offload_optimizer, engine.nvme_path),
        "offload_param": _offload(engine.offload_parameters, engine.nvme_path),
        "zero_quantized_weights": engine.quantized_weights,
        "zero_quantized_gradients": engine.quantized_gradients,
        "zero_hpz_partition_size": engine.hierarchical_partition_size,
        "reduce_bucket_size": engine.reduce_bucket_size,
        "allgather_bucket_size": engine.allgather_bucket_size,
        "overlap_comm": engine.overlap_communication,
        "stage3_gather_16bit_weights_on_model_save": True if engine.zero_stage == 3 else None,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _offload(device: OffloadDevice, nvme_path: str | None) -> dict[str, object]:
    return {"device": device, **({"nvme_path": nvme_path} if device == "nvme" else {})}


def _says(engine: DeepSpeedConfig, key: str) -> bool:
    return engine.config is not None and key in engine.config


def _said_elsewhere(config: TrialConfig) -> dict[str, object]:
    """Settings of a trial that DeepSpeed is not told, under the names of a DeepSpeed JSON."""
    settings = config.optimizer
    return {
        "train_batch_size": config.learns.step_size(config),
        "optimizer": {
            "type": _OPTIMIZERS.get(settings.name, settings.name),
            "params": {
                "lr": config.learning_rate,
                "betas": [settings.beta1, settings.beta2],
                "eps": settings.epsilon,
                "weight_decay": settings.weight_decay,
            },
        },
        "scheduler": {"type": _SCHEDULERS.get(config.schedule, config.schedule)},
    }

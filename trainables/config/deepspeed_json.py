"""The user's own DeepSpeed JSON: the keys that the trial decides, and those passed through.

The trial decides the workers, batch, optimizer, schedule and precision, which differ from trial to
trial. A JSON may repeat them or say "auto", but not contradict them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from search_spaces.dotted import at, leaves, replaced
from search_spaces.problem import Problem

AUTO = "auto"

PLACE = "slots.deepspeed.config"
"""The field that names the JSON."""

MOST_BYTES = 2**20
"""The size limit of a JSON file."""

ADOPTED: Mapping[str, str] = {
    "zero_optimization.stage": "zero_stage",
    "zero_optimization.offload_optimizer.device": "offload_optimizer",
    "zero_optimization.offload_param.device": "offload_parameters",
    "zero_optimization.offload_optimizer.nvme_path": "nvme_path",
    "zero_optimization.offload_param.nvme_path": "nvme_path",
    "zero_optimization.zero_quantized_weights": "quantized_weights",
    "zero_optimization.zero_quantized_gradients": "quantized_gradients",
    "zero_optimization.zero_hpz_partition_size": "hierarchical_partition_size",
    "zero_optimization.reduce_bucket_size": "reduce_bucket_size",
    "zero_optimization.allgather_bucket_size": "allgather_bucket_size",
    "zero_optimization.overlap_comm": "overlap_communication",
}
"""DeepSpeed's names of the settings that are fields of DeepSpeedConfig."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    **{key: (f"slots.deepspeed.{field}",) for key, field in ADOPTED.items()},
    "train_batch_size": ("batch_size",),
    "train_micro_batch_size_per_gpu": ("micro_batch_size", "batch_size", "slots.workers"),
    "gradient_accumulation_steps": ("batch_size", "micro_batch_size", "slots.workers"),
    "gradient_clipping": ("optimizer.max_grad_norm",),
    "fp16.enabled": ("precision",),
    "bf16.enabled": ("precision",),
    "optimizer.type": ("optimizer.name",),
    "optimizer.params.lr": ("learning_rate",),
    "optimizer.params.betas": ("optimizer.beta1", "optimizer.beta2"),
    "optimizer.params.eps": ("optimizer.epsilon",),
    "optimizer.params.weight_decay": ("optimizer.weight_decay",),
    "scheduler.type": ("schedule",),
}
"""The fields that decide the value of each DeepSpeed key."""

_ELSEWHERE = "would write outside the trial's folder; the losses are in MLflow"

_WITHOUT_PLACE: Mapping[str, str] = {
    "bfloat16": "is the old name of bf16",
    "amp": "would train in a different precision than the trial; set precision instead",
    "torch_autocast": "would train in a different precision than the trial; set precision instead",
    "data_efficiency": "would change the data order, which must be the same for all trials",
    "tensor_parallel": "needs workers that share a batch, but each worker has its own",
    "sequence_parallel_size": "needs workers that share a batch, but each worker has its own",
    "expert_parallel": "is not supported by the trainer",
    "hybrid_engine": "supports generation during training, which no objective uses",
    "compression_training": "would change the model being evaluated",
    **dict.fromkeys(("tensorboard", "csv_monitor", "flops_profiler.output_file"), _ELSEWHERE),
    **dict.fromkeys(
        ("wandb", "comet", "nebula"), "would send training results to an external service"
    ),
    "autotuning": "would change the trial's batch sizes and write outside its folder",
    "bf16.bf16_master_weights_and_grads": "needs DeepSpeed's CPU optimizer, which is not used",
    "bf16.bf16_optimizer_states": "needs DeepSpeed's CPU optimizer, which is not used",
    "fp16.fp16_master_weights_and_grads": "needs DeepSpeed's CPU optimizer, which is not used",
    "zero_optimization.cpu_offload": "is deprecated; write offload_optimizer: {device: cpu}",
    "zero_optimization.cpu_offload_param": "is deprecated; write offload_param: {device: cpu}",
}
"""Unsupported keys, each with the reason."""

_REPLACED = ("optimizer.", "scheduler.")
"""Sections replaced by the trial's own."""

_FILLED_FROM_THE_MODEL = (
    "zero_optimization.reduce_bucket_size",
    "zero_optimization.stage3_prefetch_bucket_size",
    "zero_optimization.stage3_param_persistence_threshold",
)
""" "auto" stays: transformers derives these from the model's hidden size."""


def read(given: Any) -> dict[str, Any]:
    """The JSON at a path, or a copy of a mapping. ValueError if it is not valid."""
    if isinstance(given, Mapping):
        return copy.deepcopy(dict(given))
    if not isinstance(given, str | Path):
        raise ValueError(f"config: {given!r} must be the path of a DeepSpeed JSON, or a mapping")
    try:
        tree = json.loads(_content(Path(given).expanduser()))
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(
            f"config: {given} cannot be read ({why}); relative paths start from {Path.cwd()}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"config: {given} is not valid JSON: {error}") from error
    if not isinstance(tree, dict):
        raise ValueError(f"config: {given} must hold a mapping of DeepSpeed settings")
    return tree


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise OSError("not a regular file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(f"larger than the limit of {MOST_BYTES // 2**20} MiB")
    return content


def adopted(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of DeepSpeedConfig that the JSON sets."""
    said = leaves(theirs)
    return {field: said[key] for key, field in ADOPTED.items() if said.get(key) not in (None, AUTO)}


def contradictions(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], searched: Collection[str] = ()
) -> Iterator[Problem]:
    """Keys of the JSON that contradict `ours`, the values decided by the trial.

    A key decided by a `searched` field is refused with any value, since trials differ in it.
    """
    for name, reason in _WITHOUT_PLACE.items():
        if _is_on(at(theirs, name)):
            yield Problem(PLACE, f"{name} {reason}", f"leave {name} out there")
    decided = leaves(ours)
    for key, value in leaves(theirs).items():
        if value == AUTO or not (key in decided or key.startswith(_REPLACED)):
            continue
        differing = [field for field in _FIELDS.get(key, ()) if field in searched]
        if differing:
            yield _of_searched(key, value, differing)
        elif not _same(value, decided.get(key)):
            yield _contradiction(key, value, decided)


def merged(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """`ours` plus the other keys of the JSON; "auto" means our value or DeepSpeed's default."""
    tree: dict[str, Any] = {}
    for key, value in leaves(theirs).items():
        said = value != AUTO or key in _FILLED_FROM_THE_MODEL
        if said and not key.startswith((*_REPLACED, *(f"{name}." for name in _WITHOUT_PLACE))):
            tree = replaced(tree, key, copy.deepcopy(value))
    for key, value in leaves(ours).items():
        tree = replaced(tree, key, value)
    tree.pop("train_batch_size", None)  # follows from the other two and the number of workers
    return tree


def _contradiction(key: str, value: Any, decided: Mapping[str, Any]) -> Problem:
    fields = _FIELDS.get(key)
    if key not in decided:
        section = key.partition(".")[0]
        message = f"{key} is {value} there, but the trial's own {section} has no such setting"
        return Problem(PLACE, message, f"leave {key} out there")
    if fields is None:
        message = f"{key} is {value} there, but a trial needs {decided[key]}"
        return Problem(PLACE, message, f'write "{AUTO}" there, or leave {key} out')
    makes = "makes" if len(fields) == 1 else "make"
    message = f"{key} is {value} there, but {_listed(fields, 'and')} {makes} it {decided[key]}"
    return Problem(PLACE, message, f'write "{AUTO}" there, or change {_listed(fields, "or")}')


def _of_searched(key: str, value: Any, fields: Sequence[str]) -> Problem:
    named = _listed(fields, "and")
    message = f"{key} is {value} there, but the space searches {named}, so it differs by trial"
    return Problem(
        PLACE, message, f'write "{AUTO}" there, or do not search {_listed(fields, "or")}'
    )


def _listed(fields: Sequence[str], word: str) -> str:
    """a, b and c"""
    *others, last = fields
    return f"{', '.join(others)} {word} {last}" if others else last


def _is_on(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value.get("enabled", value))
    return value is not None and value is not False and value != AUTO


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    return bool(one == other)

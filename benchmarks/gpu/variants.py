"""Every method in half precision, and every optimizer, on a small model: do they run?"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.gpu.course import Load, config_of, train
from benchmarks.gpu.finding import Figure, Finding, keep, report
from benchmarks.gpu.material import small_inputs
from trainables.training.memory import release_memory
from trainables.training.workshop import Workshop

LOAD = Load(sequences=4, length=64, steps=4)

METHODS = ("full", "freeze", "lora", "qlora", "adapter", "prefix", "prompt", "ptuning")

OPTIMIZERS = {
    "adamw": "torch",
    "adamw_fused": "torch",
    "adamw_8bit": "bitsandbytes",
    "paged_adamw_8bit": "bitsandbytes",
    "adam": "torch",
    "sgd": "torch",
    "adafactor": "transformers",
    "lion": "bitsandbytes",
    "lion_8bit": "bitsandbytes",
    "lamb": "pytorch_optimizer",
}
"""Name -> its package."""

SETTINGS: dict[str, dict[str, Any]] = {
    "lora, checkpointing": {"gradient_checkpointing": True},
    "lora, dora": {"lora__dora": True},
    "lora, pissa": {"lora__init": "pissa"},
    "lora, dropout": {"lora__dropout": 0.1},
    "full, neftune": {"method": "full", "neftune_noise": 5.0},
}


def measure(options: argparse.Namespace) -> Finding:
    """Train each for a few steps, in one process."""
    workshop = Workshop(small_inputs(options.work, LOAD.length, options.tiny))
    absent = [name for name, home in OPTIMIZERS.items() if not importlib.util.find_spec(home)]
    found: dict[str, float | str] = {}
    for name, params in _variants(absent).items():
        keep(options, _told(found, absent))
        found[name] = _tried(workshop, params)
    return _told(found, absent)


def _told(found: Mapping[str, float | str], absent: Sequence[str]) -> Finding:
    """What became of each: its loss, or its error."""
    failed = {name: said for name, said in found.items() if isinstance(said, str)}
    figures: dict[str, Figure] = {
        "ran": len(found) - len(failed),
        "failed": len(failed),
        "not tried": ", ".join(absent),
    }
    losses = [f"{name} {loss}" for name, loss in found.items() if name not in failed]
    named = "; ".join(f"{name}: {said}" for name, said in failed.items())
    return Finding({**figures, "losses": "; ".join(losses)}, named or None)


def _variants(absent: list[str]) -> dict[str, dict[str, Any]]:
    # fp16 needs gradient scaling, which works only on GPUs.
    precisions = ("bf16", "fp16") if torch.cuda.is_available() else ("bf16",)
    optimizers = [name for name in OPTIMIZERS if name not in absent]
    return {
        **{f"{m}, {p}": {"method": m, "precision": p} for p in precisions for m in METHODS},
        **{name: {"method": "full", "optimizer__name": name} for name in optimizers},
        **SETTINGS,
    }


def _tried(workshop: Workshop, params: dict[str, Any]) -> float | str:
    """The loss at its end, or its error."""
    try:
        watch, _ = train(workshop, config_of(LOAD, learning_rate=1e-3, **params))
        return round(watch.losses[-1], 3)
    except Exception as error:  # noqa: BLE001  the other variants must still run
        said = f"{type(error).__name__}: {error}".splitlines()[0]
    release_memory()
    return said


if __name__ == "__main__":
    report(measure)

"""Incompatible settings, each found by a run of benchmarks/combinations.py."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from search_spaces.problem import Problem
from trainables.config.kernels import READ_BY_KERNELS, kernel_refusals, kernels_missing
from trainables.config.trial import TrialConfig
from trainables.core.kind import Kind
from trainables.methods.registry import METHODS
from trainables.objectives.registry import OBJECTIVES

_KINDS: tuple[Kind, ...] = (*METHODS.values(), *OBJECTIVES.values())

READ = tuple(
    dict.fromkeys(
        ("method", "objective", *READ_BY_KERNELS, *(f for kind in _KINDS for f in kind.refuses_by)),
    )
)
"""Searchable fields read by `refusals`."""


def refusals(config: TrialConfig) -> list[Problem]:
    """Problems that prevent a trial from running as configured on any machine."""
    return [
        *config.tunes.refusals(config),
        *config.learns.refusals(config),
        *_new_tokens(config),
        *_engine(config),
        *kernel_refusals(config),
    ]


def machine_refusals(config: TrialConfig, cuda: bool) -> list[Problem]:
    """Settings of a trial that this machine does not support."""
    return [
        *([] if cuda else _without_cuda(config)),
        *kernels_missing(config, cuda),
        *_nvme(config),
    ]


def _new_tokens(config: TrialConfig) -> Iterator[Problem]:
    if config.data and config.data.new_tokens and not config.tunes.learns_new_tokens:
        able = [name for name, method in METHODS.items() if method.learns_new_tokens]
        yield Problem(
            "data.new_tokens",
            f"method {config.method} does not train the embeddings",
            f"use {', '.join(able[:-1])} or {able[-1]}",
        )


def _engine(config: TrialConfig) -> Iterator[Problem]:
    engine = config.deepspeed
    if engine is None:
        return
    stage = engine.zero_stage
    if engine.offload_optimizer != "none" and stage == 0:
        yield _needs_stage("offload_optimizer", engine.offload_optimizer, "1, 2 or 3", 2)
    if engine.offload_optimizer == "nvme" and stage in (1, 2):
        # DeepSpeed would silently keep the state in host memory.
        yield _needs_stage("offload_optimizer", "nvme", "3", 3)
    if engine.offload_parameters != "none" and stage < 3:
        yield _needs_stage("offload_parameters", engine.offload_parameters, "3", 3)
    if stage < 3:
        for name, wanted in (
            ("quantized_weights", engine.quantized_weights),
            ("quantized_gradients", engine.quantized_gradients),
            ("hierarchical_partition_size", engine.hierarchical_partition_size > 1),
        ):
            if wanted:
                yield _needs_stage(name, getattr(engine, name), "3", 3)
    if "nvme" in (engine.offload_optimizer, engine.offload_parameters) and not engine.nvme_path:
        yield Problem(
            "slots.deepspeed.nvme_path",
            "is missing, but required for offload to nvme",
            "set it to a folder on each worker's NVMe disk",
        )


def _nvme(config: TrialConfig) -> Iterator[Problem]:
    engine = config.deepspeed
    if engine is None or engine.nvme_path is None:
        return
    if not os.access(engine.nvme_path, os.W_OK):
        yield Problem(
            "slots.deepspeed.nvme_path",
            f"{engine.nvme_path} is not a writable folder on {socket.gethostname()}",
            "use a folder that exists on each worker",
        )
    elif "nvme" in (engine.offload_optimizer, engine.offload_parameters) and not _has_libaio():
        yield Problem(
            "slots.deepspeed",
            f"offload to nvme needs libaio, which is not installed on {socket.gethostname()}",
            "install libaio-dev (apt) or libaio-devel (dnf) on each worker, or offload to cpu",
        )


def _has_libaio() -> bool:
    from deepspeed.ops.op_builder import AsyncIOBuilder

    return bool(AsyncIOBuilder().is_compatible(verbose=False))


def _needs_stage(name: str, value: object, stages: str, remedy: int) -> Problem:
    return Problem(
        f"slots.deepspeed.{name}",
        f"{value} requires ZeRO stage {stages}",
        f"set slots.deepspeed.zero_stage: {remedy}, or leave it out",
    )


def _without_cuda(config: TrialConfig) -> Iterator[Problem]:
    if config.precision == "fp16":
        yield Problem(
            "precision",
            "fp16 needs gradient scaling, which works on GPUs only",
            "use fp32, or bf16 if the CPU supports it natively",
        )
    engine = config.deepspeed
    if engine and (engine.quantized_weights or engine.quantized_gradients):
        yield Problem(
            "slots.deepspeed",
            "ZeRO++ quantisation needs CUDA kernels, but this machine has no GPU",
            "leave quantized_weights and quantized_gradients out",
        )

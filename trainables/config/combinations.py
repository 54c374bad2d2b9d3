"""Settings that do not go together, each found by trying it (benchmarks/combinations.py)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from trainables.config.trial import TrialConfig

READ = (
    "method",
    "objective",
    "lora.init",
    "lora.dora",
    "gradient_checkpointing",
    "label_smoothing",
    "dpo.loss",
    "dpo.label_smoothing",
)
"""The searchable fields that `refusals` looks at."""


class Refusal(NamedTuple):
    """`field` is one of those that clash; `message` says why, `remedy` what to change."""

    field: str
    message: str
    remedy: str


def refusals(config: TrialConfig) -> list[Refusal]:
    """All that keeps a trial from running, or from meaning what it says, on any machine."""
    return [*_methods(config), *_objectives(config), *_packing(config), *_engine(config)]


def machine_refusals(config: TrialConfig, cuda: bool) -> list[Refusal]:
    """What a trial asks for that this machine cannot do."""
    return [*([] if cuda else _without_cuda(config)), *_nvme(config)]


def _methods(config: TrialConfig) -> Iterator[Refusal]:
    if config.method == "qlora" and config.lora.init == "pissa":
        yield Refusal(
            "lora.init",
            "pissa takes the base's weights apart, and qlora holds them in 4 bits",
            "use lora.init: kaiming or gaussian with qlora",
        )
    if config.method == "prefix" and config.gradient_checkpointing:
        yield Refusal(
            "gradient_checkpointing",
            "the second forward pass would see the prefix twice",
            "leave it out with method prefix",
        )
    in_place = ("lora", "qlora", "freeze", "full")
    if config.data and config.data.new_tokens and config.method not in in_place:
        yield Refusal(
            "data.new_tokens",
            f"method {config.method} leaves the embeddings as they are",
            "use lora, qlora, freeze or full",
        )


def _objectives(config: TrialConfig) -> Iterator[Refusal]:
    if config.method in ("prompt", "ptuning") and config.objective in ("classification", "reward"):
        yield Refusal(
            "method",
            f"{config.objective} reads the answer off the last token, which transformers cannot "
            f"find behind the embeddings that {config.method} puts first",
            "use prefix, which puts them elsewhere, or another method",
        )
    if config.label_smoothing and config.objective not in ("sft", "clm"):
        yield Refusal(
            "label_smoothing",
            f"objective {config.objective} has no token labels to smooth",
            "leave it out",
        )
    if config.objective == "dpo" and config.dpo.label_smoothing and config.dpo.loss != "sigmoid":
        yield Refusal(
            "dpo.label_smoothing",
            f"loss {config.dpo.loss} has no probabilities of labels to smooth",
            "use dpo.loss: sigmoid, or leave it out",
        )


def _packing(config: TrialConfig) -> Iterator[Refusal]:
    if config.data is None or not config.data.packing:
        return
    if config.objective == "clm":
        yield Refusal(
            "data.packing",
            "objective clm fills its sequences already: its text is cut into blocks of max_length",
            "leave it out",
        )
    elif config.objective != "sft":
        yield Refusal(
            "data.packing",
            f"objective {config.objective} scores each sequence by itself; only sft packs them",
            "leave it out",
        )
    if config.method in ("prompt", "ptuning", "prefix"):
        yield Refusal(
            "data.packing",
            f"with what method {config.method} puts before a sequence, transformers tells its "
            "examples no longer apart",
            "leave it out, or use another method",
        )


def _engine(config: TrialConfig) -> Iterator[Refusal]:
    engine = config.deepspeed
    if engine is None:
        return
    stage = engine.zero_stage
    if stage == 3 and config.method == "qlora" and config.lora.dora:
        yield Refusal(
            "lora.dora",
            "DoRA asks for the norms of weights that ZeRO-3 has taken apart in 4 bits",
            "use zero_stage 2, or qlora without dora",
        )
    if engine.offload_optimizer != "none" and stage == 0:
        yield _needs_stage("offload_optimizer", engine.offload_optimizer, "1, 2 or 3", 2)
    if engine.offload_optimizer == "nvme" and stage in (1, 2):
        # DeepSpeed would keep the state in host memory without a word.
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
        yield Refusal(
            "slots.deepspeed.nvme_path",
            "is missing, and something is to be offloaded to nvme",
            "name a folder on each worker's NVMe disk",
        )


def _nvme(config: TrialConfig) -> Iterator[Refusal]:
    engine = config.deepspeed
    if engine is None or engine.nvme_path is None:
        return
    if not os.access(engine.nvme_path, os.W_OK):
        yield Refusal(
            "slots.deepspeed.nvme_path",
            f"{engine.nvme_path} is no folder that can be written to on {socket.gethostname()}",
            "name one that is there on each worker",
        )
    elif "nvme" in (engine.offload_optimizer, engine.offload_parameters) and not _has_libaio():
        yield Refusal(
            "slots.deepspeed",
            f"offload to nvme reads and writes through libaio, which {socket.gethostname()} lacks",
            "install libaio-dev (apt) or libaio-devel (dnf) on each worker, or offload to cpu",
        )


def _has_libaio() -> bool:
    from deepspeed.ops.op_builder import AsyncIOBuilder

    return bool(AsyncIOBuilder().is_compatible(verbose=False))


def _needs_stage(name: str, value: object, stages: str, remedy: int) -> Refusal:
    return Refusal(
        f"slots.deepspeed.{name}",
        f"{value} works with ZeRO stage {stages} only",
        f"set slots.deepspeed.zero_stage: {remedy}, or leave it out",
    )


def _without_cuda(config: TrialConfig) -> Iterator[Refusal]:
    if config.precision == "fp16":
        yield Refusal(
            "precision",
            "fp16 needs its gradients scaled, which is done on GPUs only",
            "use fp32 here, or bf16 where the CPU has units for it",
        )
    engine = config.deepspeed
    if engine and (engine.quantized_weights or engine.quantized_gradients):
        yield Refusal(
            "slots.deepspeed",
            "ZeRO++ quantises with CUDA kernels, and there is no GPU here",
            "leave quantized_weights and quantized_gradients out",
        )

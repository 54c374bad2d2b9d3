"""How a model is computed: what changes the time and memory of a trial, and its losses only by
rounding."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from search_spaces.problem import Problem

if TYPE_CHECKING:
    from trainables.config.trial import TrialConfig

AttentionName = Literal["auto", "sdpa", "flash_attention_2", "flex", "eager"]

NEEDS_GPU = ("flash_attention_2", "flex")

READ_BY_KERNELS = ("precision",)
"""Searchable fields read by `kernel_refusals`."""


def kernel_refusals(config: TrialConfig) -> Iterator[Problem]:
    """Kernels that cannot compute a trial on any machine."""
    if config.attention == "flash_attention_2" and config.precision == "fp32":
        yield Problem(
            "attention",
            "flash_attention_2 computes in half precision, but precision is fp32",
            "set precision: bf16, or attention: sdpa",
        )
    if config.compile and config.deepspeed is not None:
        yield Problem(
            "compile",
            "the engine of DeepSpeed hooks every module of a block, which ends compilation there",
            "leave compile or slots.deepspeed out",
        )


def kernels_missing(config: TrialConfig, cuda: bool) -> Iterator[Problem]:
    """Kernels that this machine lacks."""
    if config.attention in NEEDS_GPU and not cuda:
        yield Problem(
            "attention",
            f"{config.attention} needs a GPU, which this machine lacks",
            "use auto, sdpa or eager",
        )
    elif config.attention == "flash_attention_2" and find_spec("flash_attn") is None:
        yield Problem(
            "attention",
            "flash_attention_2 needs the package flash-attn, which is not installed here",
            "install it on every worker (pip install flash-attn), or use auto or sdpa",
        )
    if config.compile and config.tunes.quantizes and not cuda:
        yield Problem(
            "compile",
            "a base quantised by bitsandbytes is not compiled on a CPU, where each shape of its "
            "kernels would be compiled anew",
            "leave compile out, or use a GPU",
        )

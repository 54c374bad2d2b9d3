"""Detects half precision that is slower than fp32 on this device, by timing it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import torch

from trainables.config.trial import TrialConfig
from trainables.methods.qlora import QuantizationConfig

SLOW = 1.5
"""The slowdown limit against fp32. CPUs with bf16 units take 0.6 to 0.9 times as long, those with
AVX-512 alone 2 to 4, those with AVX2 alone 15 to 60."""

_SIZE, _ROUNDS = 192, 7

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

_CAPABILITY = {"bf16": (8, 0), "fp16": (7, 0)}
"""The first generations of NVIDIA cards (Ampere, Volta) with units for each precision."""

Asked = tuple[str, str]
"""A field, and the half precision it requests."""


def asked(config: TrialConfig) -> Iterator[Asked]:
    """The fields of a trial that request half precision."""
    if not config.learns.trains:
        return
    if config.precision != "fp32":
        yield "precision", config.precision
    compute = config.settings(QuantizationConfig).compute_dtype
    if config.tunes.quantizes and compute not in ("auto", "fp32", config.precision):
        yield "quantization.compute_dtype", compute


def remarks(fields: Iterable[Asked], place: str, gpu: bool) -> list[str]:
    """Requested precisions that are slow on this machine's GPU, or on its CPU, named `place`."""
    said = (_on_gpu(*each) if gpu else _on_cpu(*each, place) for each in fields)
    return [each for each in said if each]


def _on_gpu(field: str, precision: str) -> str | None:
    for number in range(torch.cuda.device_count()):
        card, capability = (
            torch.cuda.get_device_name(number),
            torch.cuda.get_device_capability(number),
        )
        if said := old_card(field, precision, card, capability):
            return said
    return None


def _on_cpu(field: str, precision: str, place: str) -> str | None:
    ratio = slowdown(_DTYPES[precision])
    if ratio < SLOW:
        return None
    return (
        f"{field}: {precision} is slow on {place}, which lacks native support: a matrix product "
        f"takes {ratio:.2g} times as long as in fp32; --set {field}=fp32 trains faster there"
    )


def old_card(field: str, precision: str, card: str, capability: tuple[int, int]) -> str | None:
    """The remark on a card without units for that precision; None if it has them."""
    if capability >= _CAPABILITY[precision]:
        return None
    better = "fp16" if capability >= _CAPABILITY["fp16"] else "fp32"
    major, minor = capability
    return (
        f"{field}: {precision} is slow on {card} (compute capability {major}.{minor}), which lacks "
        f"native support; --set {field}={better} trains faster there"
    )


def slowdown(dtype: torch.dtype) -> float:
    """The duration of a matrix product on one core of this CPU, relative to fp32.

    The shortest of several alternating runs, since other processes may use the core.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on busy cores, threads would wait for each other
    try:
        fp32, half = (torch.ones(_SIZE, _SIZE, dtype=each) for each in (torch.float32, dtype))
        times = [(_timed(half), _timed(fp32)) for _ in range(_ROUNDS)]
    finally:
        torch.set_num_threads(threads)
    return min(first for first, _ in times) / min(second for _, second in times)


def _timed(matrix: torch.Tensor) -> float:
    began = time.perf_counter()
    matrix @ matrix
    return time.perf_counter() - began

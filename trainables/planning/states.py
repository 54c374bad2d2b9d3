"""The memory of a trial's weights, gradients and optimizer, in closed form. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.trial import TrialConfig
from trainables.planning.inventory import Inventory, Weight
from trainables.training.base import borrows_in_place

_EIGHT_BIT_BLOCK = 256
"""Elements that share a 32-bit constant in bitsandbytes' 8-bit states."""

_EIGHT_BIT_FROM = 4096
"""Smaller tensors keep 32-bit states."""

_BUCKET = 500_000_000
"""DeepSpeed's default elements of a bucket, allocated whatever the size of the model."""

_MOST_GATHERED = 1_000_000_000
"""DeepSpeed's default limit of parameters that ZeRO-3 holds gathered."""


@dataclass(frozen=True)
class States:
    """Bytes that one rank holds between passes, on its device and in host memory.

    `weights` includes quantisation constants and buffers; `masters` are fp32 copies of weights in
    half precision; `buckets` are what DeepSpeed and DDP reduce gradients in, and `gathered` the
    weights that ZeRO-3 has whole at a time; `step` is what an optimizer step allocates and frees.
    `stepped` is what a checkpoint keeps besides weights, on this rank's part if the ranks have it
    `shared` out: the optimizer's state and masters, wherever they are held.
    """

    weights: int
    gradients: int
    masters: int
    optimizer: int
    buckets: int
    step: int
    host: int = 0
    stepped: int = 0
    shared: bool = False
    gathered: int = 0

    @property
    def resting(self) -> int:
        """Held throughout training, without gradients."""
        return self.weights + self.masters + self.optimizer + self.buckets + self.gathered


def states_of(inventory: Inventory, config: TrialConfig, workers: int) -> States:
    """The states of one rank of `workers`."""
    engine = config.deepspeed
    if engine is None:
        return _plain(inventory, config, workers)
    return _under_zero(inventory, config, engine, workers)


def _plain(inventory: Inventory, config: TrialConfig, workers: int) -> States:
    trained = sum(each.bytes for each in inventory.trained)
    on_device, on_host = _optimizer(inventory.trained, config)
    return States(
        weights=inventory.frozen_bytes + trained,
        gradients=trained,
        masters=0,
        optimizer=on_device,
        buckets=trained if workers > 1 else 0,  # DDP reduces gradients in a copy of them
        step=_step_buffers(inventory.trained, config),
        host=on_host + _kept_copy(inventory, config),
        stepped=on_device + on_host,
    )


def _under_zero(
    inventory: Inventory, config: TrialConfig, engine: DeepSpeedConfig, workers: int
) -> States:
    """Rajbhandari et al. 2020 (arXiv:1910.02054), section 3, with DeepSpeed's own buffers."""
    width = 4 if config.precision == "fp32" else 2
    elements, stage = inventory.trained_elements, engine.zero_stage
    share = math.ceil(elements / workers) if stage >= 1 else elements
    flat = (Weight((share,), 4),) if stage >= 1 else _in_fp32(inventory.trained)
    on_device, on_host = _optimizer(flat, config)
    masters = 4 * share if width == 2 or stage >= 1 else 0
    held = inventory.frozen_bytes + width * elements
    if stage == 3:
        held = math.ceil(held / workers)
    step, stepped = _step_buffers(flat, config), masters + on_device + on_host
    if engine.offload_optimizer != "none":
        # The step is on the host, with the reduced gradients in fp32.
        on_host += masters + on_device + 4 * share
        masters = on_device = step = 0
    if engine.offload_parameters != "none":
        on_host, held = on_host + held, 0
    return States(
        weights=held,
        gradients=width * (share if stage >= 2 else elements),
        masters=masters,
        optimizer=on_device,
        buckets=_buckets(inventory, engine, width, workers),
        step=step,
        host=on_host + _kept_copy(inventory, config),
        stepped=stepped,
        shared=stage >= 1,
        gathered=_gathered(inventory, engine, width, workers),
    )


def _kept_copy(inventory: Inventory, config: TrialConfig) -> int:
    """The base that a slot keeps in host memory, where trials change their copies of it."""
    if borrows_in_place(config):
        return 0
    return inventory.frozen_bytes + sum(each.bytes for each in inventory.trained)


def _buckets(inventory: Inventory, engine: DeepSpeedConfig, width: int, workers: int) -> int:
    if engine.zero_stage == 0 or workers == 1:
        return 0
    reduced = (engine.reduce_bucket_size or _BUCKET) * width
    overlaps = engine.overlap_communication
    if overlaps if overlaps is not None else engine.zero_stage == 3:
        reduced *= 2
    return reduced


def _gathered(inventory: Inventory, engine: DeepSpeedConfig, width: int, workers: int) -> int:
    if engine.zero_stage < 3 or workers == 1:
        return 0
    return width * min(inventory.elements, _MOST_GATHERED)


def _in_fp32(weights: tuple[Weight, ...]) -> tuple[Weight, ...]:
    return tuple(Weight(each.shape, 4) for each in weights)


def _optimizer(weights: tuple[Weight, ...], config: TrialConfig) -> tuple[int, int]:
    """Bytes of the optimizer's state on (device, host), as torch or bitsandbytes allocates it."""
    name, momentum = config.optimizer.name, config.optimizer.beta1 > 0
    match name:
        case "adamw" | "adamw_fused" | "adam" | "lamb":
            return sum(2 * each.bytes for each in weights), 0
        case "sgd":
            return sum(each.bytes for each in weights) if momentum else 0, 0
        case "lion":
            return sum(4 * each.elements for each in weights), 0
        case "adamw_8bit":
            return sum(_eight_bit(each, 2) for each in weights), 0
        case "paged_adamw_8bit":
            return 0, sum(_eight_bit(each, 2) for each in weights)
        case "lion_8bit":
            return sum(_eight_bit(each, 1) for each in weights), 0
        case "adafactor":
            return sum(_factored(each) for each in weights), 0
        case other:
            raise AssertionError(f"no closed form for optimizer {other}")


def _eight_bit(weight: Weight, moments: int) -> int:
    if weight.elements < _EIGHT_BIT_FROM:
        return 4 * moments * weight.elements
    constants = 4 * math.ceil(weight.elements / _EIGHT_BIT_BLOCK)
    return moments * (weight.elements + constants)


def _factored(weight: Weight) -> int:
    """Shazeer and Stern 2018 (arXiv:1804.04235): a row and a column instead of a matrix."""
    *rest, rows, columns = (1, 1, *weight.shape)
    if len(weight.shape) < 2:
        return 4 * weight.elements
    return 4 * math.prod(rest) * (rows + columns)


def _step_buffers(weights: tuple[Weight, ...], config: TrialConfig) -> int:
    """torch's Adam takes all weights at once and keeps a square root of each meanwhile; fused
    kernels and bitsandbytes' need nothing."""
    if config.optimizer.name in ("adamw", "adam", "lamb", "sgd"):
        return sum(each.bytes for each in weights)
    return max((each.bytes for each in weights), default=0)

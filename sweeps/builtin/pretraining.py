"""The builtin model's pretraining: a small Llama, a plain loop, a fixed number of steps.

Muon for the matrices inside the layers, AdamW for the rest; all in fp32, which is fast on every
CPU.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainables.core.progress_bars import no_progress_bars
from trainables.data.tokens.batches import order, pad
from trainables.data.tokens.sequences import TokenSequence

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer
    from transformers import LlamaConfig, LlamaForCausalLM


_LOOK = 0.3
"""Seconds over which the load of the cores is measured."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The model's shape and training; every field identifies the build."""

    vocabulary: int = 2048
    context: int = 256
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    intermediate: int = 352
    steps: int = 240
    batch_size: int = 4
    muon_learning_rate: float = 0.02
    muon_momentum: float = 0.95
    adamw_learning_rate: float = 0.01
    weight_decay: float = 0.1
    warmup_fraction: float = 0.05
    held_out: int = 64
    seed: int = 0

    @property
    def tokens(self) -> int:
        """Number of tokens for training and the held-out blocks."""
        return (self.steps * self.batch_size + self.held_out) * self.context


@dataclass(frozen=True, slots=True)
class Trained:
    """The result: the model's size and its mean loss (nats a token) on held-out text."""

    parameters: int
    loss: float


def pretrain(
    blocks: Sequence[TokenSequence], recipe: Recipe, folder: Path, after_step: Callable[[], None]
) -> Trained:
    """Train a fresh model on `blocks` and save it to `folder`; the same seed, the same weights.

    Keeps the global random state. `after_step` is called after every step.
    """
    import torch
    from transformers import LlamaForCausalLM

    with _idle_cores(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LlamaForCausalLM(_config(recipe))
        held_out, train = blocks[: recipe.held_out], blocks[recipe.held_out :]
        optimizers = _optimizers(model, recipe)
        for step, batch in enumerate(_batches(train, recipe)):
            _set_rates(optimizers, _share_of_rate(step, recipe))
            _step(model, optimizers, batch)
            after_step()
        loss = mean_loss(model, held_out)
    with no_progress_bars():
        model.save_pretrained(folder)
    return Trained(sum(parameter.numel() for parameter in model.parameters()), loss)


def mean_loss(
    model: LlamaForCausalLM, sequences: Sequence[TokenSequence], at_once: int = 16
) -> float:
    """The model's loss in nats a target token."""
    import torch

    total, targets = 0.0, 0
    for start in range(0, len(sequences), at_once):
        part = sequences[start : start + at_once]
        count = sum(int(sequence.targets.sum()) for sequence in part)
        with torch.no_grad():
            total += float(model(**_tensors(part)).loss) * count
        targets += count
    return total / targets


@contextmanager
def _idle_cores() -> Iterator[None]:
    """Let torch use all idle cores, whatever its earlier setting.

    A thread that waits for a busy core costs more than it gains.
    """
    import psutil
    import torch

    before = torch.get_num_threads()
    idle = 1 - psutil.cpu_percent(interval=_LOOK) / 100
    torch.set_num_threads(max(1, round(idle * len(os.sched_getaffinity(0)))))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _config(recipe: Recipe) -> LlamaConfig:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        dtype="float32",
    )


def _optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[Optimizer]:
    from torch.optim import AdamW

    from sweeps.builtin.muon import Muon

    inner = [each for each in model.model.layers.parameters() if each.ndim == 2]
    ids = {id(each) for each in inner}
    outer = [each for each in model.parameters() if id(each) not in ids]
    return [
        Muon(
            inner,
            lr=recipe.muon_learning_rate,
            momentum=recipe.muon_momentum,
            weight_decay=recipe.weight_decay,
        ),
        AdamW(outer, lr=recipe.adamw_learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def _batches(blocks: Sequence[TokenSequence], recipe: Recipe) -> Iterator[dict[str, Tensor]]:
    drawn = order(len(blocks), recipe.steps * recipe.batch_size, recipe.seed)
    for places in np.split(drawn, recipe.steps):
        yield _tensors([blocks[place] for place in places])


def _tensors(sequences: Sequence[TokenSequence]) -> dict[str, Tensor]:
    import torch

    return {name: torch.from_numpy(array) for name, array in pad(sequences, pad_id=2).items()}


def _share_of_rate(step: int, recipe: Recipe) -> float:
    """A linear warmup, then a cosine down to zero at the end."""
    warmup = max(1, round(recipe.warmup_fraction * recipe.steps))
    done = (step - warmup) / max(1, recipe.steps - warmup)
    return (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * done))


def _set_rates(optimizers: Sequence[Optimizer], share: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("full_lr", group["lr"]) * share


def _step(
    model: LlamaForCausalLM, optimizers: Sequence[Optimizer], batch: dict[str, Tensor]
) -> None:
    from torch.nn.utils import clip_grad_norm_

    model(**batch).loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()

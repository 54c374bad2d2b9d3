"""A model that generates: its prompts in batches, its settings, and where its answers end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import torch
from peft import PeftModel
from transformers import GenerationConfig

Ids = list[int]


def in_batches(lengths: Mapping[int, int], size: int, pads: bool = True) -> list[list[int]]:
    """The prompts' numbers in batches of similar length, the longest first; of equal length unless
    batches can be padded."""
    ordered = sorted(lengths, key=lambda number: (-lengths[number], number))
    groups = [ordered] if pads else [[*group] for _, group in groupby(ordered, lengths.__getitem__)]
    return [group[at : at + size] for group in groups for at in range(0, len(group), size)]


def left_padded(prompts: Sequence[Ids], pad_id: int) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask`, [prompts, longest]; positions follow from the mask."""
    longest = max(map(len, prompts))
    missing = [longest - len(ids) for ids in prompts]
    rows = [[pad_id] * gap + ids for gap, ids in zip(missing, prompts, strict=True)]
    masks = [[0] * gap + [1] * len(ids) for gap, ids in zip(missing, prompts, strict=True)]
    return {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(masks)}


def until(stops: set[int], ids: Ids) -> Ids:
    """The ids up to the first stop, which is included."""
    end = next((place for place, each in enumerate(ids) if each in stops), len(ids))
    return ids[: end + 1]


def shifts_positions(model: torch.nn.Module) -> bool:
    """Whether padding would stand between a prompt and virtual tokens before it."""
    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)


def _base_of(model: torch.nn.Module) -> torch.nn.Module:
    base: torch.nn.Module = model.get_base_model() if isinstance(model, PeftModel) else model
    return base


def own_stops(model: torch.nn.Module) -> list[int]:
    """The ids that end a text in the model's own generation_config.json."""
    settings = getattr(_base_of(model), "generation_config", None)
    own = settings.eos_token_id if settings is not None else None
    return [own] if isinstance(own, int) else list(own or ())


@contextmanager
def generating(model: torch.nn.Module, stops: set[int], most: int, pad_id: int) -> Iterator[None]:
    """The model without dropout and gradient checkpointing, with our settings in place of its own,
    which may ask for sampling or penalties."""
    base, was_training = _base_of(model), model.training
    own = base.generation_config
    base.generation_config = GenerationConfig(
        max_new_tokens=most,
        do_sample=False,
        use_cache=True,
        eos_token_id=sorted(stops) or None,
        pad_token_id=pad_id,
    )
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
        base.generation_config = own

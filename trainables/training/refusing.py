"""What a trial is refused for when it starts: its machine, its engine, its model's context."""

from __future__ import annotations

import torch

from trainables.config.combinations import machine_refusals, refusals
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.training.deepspeed import refused_settings


def refuse(config: TrialConfig) -> None:
    """What one rank's machine cannot do is refused by all: the others would wait for it."""
    found = (*refusals(config), *machine_refusals(config, torch.cuda.is_available()))
    problem = ranks.from_any_rank(found[0] if found else None)
    if problem is not None:
        raise RefusedError(str(problem))


def refuse_engine(config: TrialConfig) -> None:
    """A JSON of the user's own was read before the search drew this trial's values."""
    try:
        said = refused_settings(config, ranks.world_size())
    except ValueError as error:
        raise RefusedError(str(error)) from error
    for each in said:
        raise RefusedError(str(each))


def refuse_length(config: TrialConfig, context: int | None, longest: int) -> None:
    """What the method puts before sequences of up to `longest` tokens must leave them their room.

    Otherwise a model with one embedding for each position fails, on a GPU for good.
    """
    added = config.tunes.virtual_tokens(config)
    if context is not None and added and added + longest > context:
        raise RefusedError(
            f"{config.method}.virtual_tokens {added} and sequences of up to {longest} tokens are "
            f"more than the {context} of the model's context; set data.max_length: "
            f"{context - added}, or use fewer virtual tokens"
        )

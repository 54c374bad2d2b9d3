"""Refusals when a trial starts: its machine, its engine, its model's context."""

from __future__ import annotations

import torch

from trainables.config.combinations import machine_refusals, refusals
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.training.zero.settings import refused_settings


def refuse(config: TrialConfig) -> None:
    """Refuse on all ranks what one rank's machine cannot do; the others would wait for it."""
    found = (*refusals(config), *machine_refusals(config, torch.cuda.is_available()))
    problem = ranks.from_any_rank(found[0] if found else None)
    if problem is not None:
        raise RefusedError(str(problem))


def refuse_engine(config: TrialConfig) -> None:
    """Check the user's own JSON again: it was read before the search drew this trial's values."""
    try:
        said = refused_settings(config, ranks.world_size())
    except ValueError as error:
        raise RefusedError(str(error)) from error
    for each in said:
        raise RefusedError(str(each))

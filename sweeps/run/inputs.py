"""Inputs of a sweep's trials: built-in ones are built, all are prepared."""

from __future__ import annotations

from pathlib import Path

from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.training.inputs import Prepared, prepare_inputs


def inputs_of(
    config: TrialConfig, cache: Path, trains: bool = True, progress: Progress = NO_PROGRESS
) -> Prepared:
    """The prepared inputs, below `cache`. DataError or ModelError on unusable inputs.

    Without `trains`, a model needs no weights.
    """
    from sweeps.builtin.model import resolve

    named = resolve(config, cache.resolve(), progress)
    return prepare_inputs(named, cache, trains, progress)

"""Inputs of a sweep's trials: built-in ones are built, all are prepared."""

from __future__ import annotations

from pathlib import Path

from search_spaces.space import Space
from sweeps.run.model_fit import check_lengths, model_remarks
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.training.inputs import Prepared, prepare_inputs


def inputs_of(
    config: TrialConfig,
    cache: Path,
    trains: bool = True,
    progress: Progress = NO_PROGRESS,
    space: Space | None = None,
) -> Prepared:
    """The prepared inputs, below `cache`. DataError or ModelError on unusable inputs, SweepError
    on choices of `space` that are impossible with the model.

    Without `trains`, a model needs no weights; without a space, no choices are compared with it.
    """
    from sweeps.builtin.model import resolve

    named = resolve(config, cache.resolve(), progress)
    if space is None:
        return prepare_inputs(named, cache, trains, progress)
    checked = cache.resolve() / "checked"
    prepared = prepare_inputs(
        named,
        cache,
        trains,
        progress,
        lambda found: model_remarks(found, space, checked, config.model),
    )
    check_lengths(named, space, prepared.inputs)
    return prepared

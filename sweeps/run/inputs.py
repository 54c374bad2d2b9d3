"""Inputs of a sweep's trials: built-in ones are built, all are prepared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from search_spaces.space import Space
from sweeps.home.home import SweepHome
from sweeps.models.earlier import with_winners
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
    `cache` is that of a sweep home, in which earlier sweeps are looked for.
    """
    from sweeps.builtin.model import resolve

    merged, taken = with_winners(config, SweepHome(cache.resolve().parent), progress)
    named = resolve(merged, cache.resolve(), progress)
    checked = cache.resolve() / "checked"

    def remarks_on(found: TrialConfig) -> tuple[str, ...]:
        return model_remarks(found, space, checked, config.model) if space is not None else ()

    prepared = prepare_inputs(named, cache, trains, progress, remarks_on)
    if space is not None:
        check_lengths(named, space, prepared.inputs)
    lines = (f"{field} is {text}." for field, text in taken.items())
    return replace(prepared, winners=taken, remarks=(*lines, *prepared.remarks))

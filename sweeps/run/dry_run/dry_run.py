"""A dry run: one trial for a few steps on this machine, in this process, and its cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sweeps.base.errors import SweepError
from sweeps.base.process_state import random_state_kept
from sweeps.base.quiet import optuna_quiet, quiet
from sweeps.caps.quotes import keep
from sweeps.caps.timing import (
    threads,
)
from sweeps.caps.too_short import refuse_below_start
from sweeps.caps.trained_tokens import refuse_below_one_trial
from sweeps.home.home import SweepHome
from sweeps.inputs.affordable_examples import remark, settled
from sweeps.inputs.prepare import checked_inputs
from sweeps.inputs.priors import primed
from sweeps.planning.cards import named_by
from sweeps.run.dry_run.answered import measure_answers
from sweeps.run.dry_run.result import DryRun
from sweeps.run.dry_run.trained import measure_training
from sweeps.run.dry_run.tried import Tried, room_of
from sweeps.run.first_trial import (
    config_of,
    first_that,
    method_in,
    refuse_here,
)
from sweeps.run.fitting import fitted_here, settle_method_here
from sweeps.run.warm_start import read_earlier
from sweeps.search.options import check_options, first_params
from sweeps.spec.spec import SweepSpec
from sweeps.storage.storage import check_storage
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.methods.registry import METHODS
from trainables.training.scoring.judge import check_judges

if TYPE_CHECKING:
    pass


def dry_run(spec: SweepSpec, home: SweepHome, progress: Progress = NO_PROGRESS) -> DryRun:
    """Try the sweep's first trial; it raises the errors that the sweep would raise.

    Runs in one process, so without DeepSpeed, which shares a trial's state among several.
    """
    _refuse_to_try(spec)
    spec, choice = settle_method_here(spec, home.cache, progress)
    read_earlier(spec, home)
    check_storage(spec)
    with quiet(), optuna_quiet(), random_state_kept():
        _refuse_first_trial(spec)
        with progress.phase("preparing model and data"):
            prepared = checked_inputs(spec, home.cache, progress=progress)
        given, spec = spec, settled(spec, prepared.inputs)
        refuse_below_one_trial(spec, prepared.inputs)
        fitted = fitted_here(spec, prepared, progress)
        begun, prior = primed(fitted.spec, prepared)
        fitted = replace(fitted, spec=begun)
        params, alone = first_that(fitted, _trains)
        tried = Tried(fitted, prepared, alone, params, room_of(fitted.spec), progress)
        with threads(tried.room.cpus):
            found = measure_training(tried) if alone.tunes.trains else measure_answers(tried)
    if found.quote and spec.budget_trials is not None:
        keep(home.cache, spec, found.quote)
    own = (str(choice) if choice else "", remark(given, spec), prior, fitted.note)
    return replace(found, edits=fitted.said, notes=(*filter(None, own), *found.notes))


def _trains(method: str) -> bool:
    return METHODS[method].trains


def _refuse_to_try(spec: SweepSpec) -> None:
    """SweepError for what the file alone shows: nothing to measure, or options that do not suit."""
    if not spec.trial.learns.trains:
        raise SweepError(
            f"objective {spec.trial.objective} trains nothing, so a dry run has nothing to "
            "measure; launch the sweep instead"
        )
    with optuna_quiet():
        check_options(spec)
    named_by(spec)
    refuse_below_start(spec)


def _refuse_first_trial(spec: SweepSpec) -> None:
    """SweepError for a first trial that is invalid or that this machine refuses, and for judges
    that do not answer, before model and data are prepared."""
    params = first_params(spec, lambda found: _trains(method_in(spec, found)))
    refuse_here(config_of(spec, params))
    check_judges(spec.trial)

"""Inputs of a sweep's trials: built-in ones are built, all are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from search_spaces.space import Space
from sweeps.base.quiet import quiet
from sweeps.base.view import View
from sweeps.home.home import SweepHome
from sweeps.inputs.affordable_examples import remark, settled
from sweeps.inputs.budgets import Extent, description, extents, remarks
from sweeps.inputs.class_metrics import check_class_metrics
from sweeps.inputs.evaluation_share import evaluation_share, larger_than_sets
from sweeps.inputs.idle_settings import check_class_weights, idle_settings
from sweeps.inputs.model_fit import check_lengths, model_remarks
from sweeps.inputs.prompt_checks import check_prompts
from sweeps.inputs.reward_checks import check_reward_lengths
from sweeps.inputs.right_answers import reasoning_notes
from sweeps.models.earlier import with_winners
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.training.inputs import Prepared, prepare_inputs, prepare_model
from trainables.training.scoring.judge import check_judges


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
    named, taken = _named(config, cache, progress)
    remarks_on = partial(_remarks_on, config.model, space, cache)
    prepared = prepare_inputs(named, cache, trains, progress, remarks_on)
    if space is not None:
        check_lengths(named, space, prepared.inputs)
    lines = (f"{field} is {text}." for field, text in taken.items())
    return replace(prepared, winners=taken, remarks=(*lines, *prepared.remarks))


def check_model_of(spec: SweepSpec, cache: Path, weights: bool, progress: Progress) -> TrialConfig:
    """The trial with its model, which is sound, as far as that shows without or with its weights,
    and can have every choice; no data are read."""
    named, _ = _named(spec.trial, cache, progress)
    remarks_on = partial(_remarks_on, spec.trial.model, spec.space, cache)
    return prepare_model(named, cache.resolve(), weights, progress, remarks_on)[0]


def checked_inputs(
    spec: SweepSpec, cache: Path, trains: bool = True, progress: Progress = NO_PROGRESS
) -> Prepared:
    """The prepared inputs of a sweep, compared with all that its file asks of them."""
    prepared = inputs_of(spec.trial, cache, trains, progress, spec.space)
    check_class_metrics(spec, prepared)
    check_class_weights(spec, prepared)
    check_prompts(spec, prepared)
    check_reward_lengths(spec, prepared)
    further = (*reasoning_notes(spec, prepared), *idle_settings(spec, prepared))
    return replace(prepared, remarks=(*prepared.remarks, *further))


def prepare(spec: SweepSpec, home: SweepHome, view: View) -> tuple[SweepSpec, Prepared | None]:
    """The sweep as its data settle it, and its prepared inputs, described to its user; None if its
    trials learn from none."""
    if not spec.trial.learns.trains:
        return spec, None
    check_judges(spec.trial)
    view.phase("Preparing model and data")
    with quiet():
        prepared = checked_inputs(spec, home.cache, progress=Progress(view.at))
        given, spec = spec, settled(spec, prepared.inputs)
    view.say(prepared.description)
    if auto := remark(given, spec):
        view.say(f"{auto}.")
    found = extents(spec, prepared.inputs)
    view.say(description(spec, found))
    if share := evaluation_share(spec, prepared.inputs, found):
        view.say(str(share))
    for note in notes_on(spec, prepared, found):
        view.say(f"Note: {note}")
    return spec, prepared


def notes_on(spec: SweepSpec, prepared: Prepared, found: Sequence[Extent]) -> tuple[str, ...]:
    """What a user should know of a sweep once its data have settled it. `found` are its extents."""
    share = evaluation_share(spec, prepared.inputs, found)
    excess = share.note(spec.trial.evaluation.time_share) if share else ""
    larger = larger_than_sets(spec, prepared.inputs)
    return tuple(filter(None, (*prepared.remarks, *remarks(spec, found), larger, excess)))


def _named(
    config: TrialConfig, cache: Path, progress: Progress
) -> tuple[TrialConfig, dict[str, str]]:
    """The trial with earlier winners and built-in models by their folders, and the winners."""
    from sweeps.builtin.model import resolve

    merged, taken = with_winners(config, SweepHome(cache.resolve().parent), progress)
    return resolve(merged, cache.resolve(), progress), taken


def _remarks_on(name: str, space: Space | None, cache: Path, found: TrialConfig) -> tuple[str, ...]:
    if space is None:
        return ()
    return model_remarks(found, space, cache.resolve() / "checked", name)

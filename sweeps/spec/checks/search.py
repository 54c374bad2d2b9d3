"""Demands of a search that its sampler or its early stopping cannot meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from search_spaces.domains import Choice, Domain
from search_spaces.problem import Problem, SpaceError
from search_spaces.space import Space
from search_spaces.values import Value, as_float, quoted
from sweeps.early_stopping.rule import RESERVED, EarlyStopping
from sweeps.home.home import NAMES_ARE, is_name
from sweeps.samplers.registry import SAMPLERS
from sweeps.samplers.sampler import Sampler
from sweeps.spec.settings import SearchSettings
from sweeps.spec.validation import explain
from trainables.config.trial import TrialConfig


def check_search(
    search: SearchSettings, space: Space | None, name: object, evaluations: int | None
) -> list[Problem]:
    """All problems of the search of the sweep `name`, whose trials have so many evaluation points;
    `space` and `evaluations` are None if unreadable."""
    return [
        *_sampler_options(search),
        *_early_stopping_options(search),
        *(_first_rung(search, evaluations) if evaluations else ()),
        *(_several_metrics(search) if search.metrics else ()),
        *(_points(search.sampler_kind, space) if space else ()),
        *_first_points(search),
        *(_prior(search, space) if space else ()),
        *_warm_start(search, name),
        *_patience(search),
    ]


def _patience(search: SearchSettings) -> Iterator[Problem]:
    if search.trial_patience is not None and search.metrics:
        message = "needs a single metric, and search.metrics names several"
        yield Problem("search.trial_patience", message, "leave it out")
    if "min_delta" in search.model_fields_set and search.trial_patience is None:
        message = "belongs to trial_patience, which is not set"
        yield Problem("search.min_delta", message, "set search.trial_patience, or leave it out")


def _first_points(search: SearchSettings) -> Iterator[Problem]:
    """Problems of a user's own first points, besides their values."""
    place = "search.first_points"
    if search.first_points and search.sampler_kind.finite:
        message = f"{search.sampler} tries every combination, in its own order"
        yield Problem(place, message, "leave it out, or use another sampler")
    for number, point in enumerate(search.first_points, 1):
        if not point:
            yield Problem(f"{place}[{number}]", "names no value", "write {NAME: VALUE}")


def _prior(search: SearchSettings, space: Space) -> Iterator[Problem]:
    """Problems of a user's own priors."""
    place, given = "search.prior", search.prior
    if isinstance(given, str):
        return
    if search.sampler_kind.finite:
        message = f"{search.sampler} tries every combination, whatever is known before"
        yield Problem(place, message, "leave it out, or use another sampler")
    if not given:
        yield Problem(place, "names no value", "write {NAME: VALUE}, or none")
    for name in given:
        options = (
            [each for d in space[name].domains for each in _options(d)] if name in space else ()
        )
        if not all(as_float(each) is not None for each in options):
            message = f"{name} has options that are no numbers"
            yield Problem(f"{place}.{name}", message, "name the value in search.first_points")
    for problem in space.explain(given, partial=True):
        yield problem.under(place)


def _options(domain: Domain) -> tuple[Value, ...]:
    return domain.options if isinstance(domain, Choice) else ()


def _warm_start(search: SearchSettings, name: object) -> Iterator[Problem]:
    place = "search.warm_start"
    if search.warm_start and search.sampler_kind.finite:
        message = f"{search.sampler} tries every combination, wherever it starts"
        yield Problem(place, message, "leave it out, or use another sampler")
    for each in dict.fromkeys(search.warm_start):
        if each == name:
            yield Problem(place, f"names this sweep, {each!r}", "name earlier ones")
        elif not is_name(each):
            yield Problem(place, f"{quoted(each)} is not a sweep's name", NAMES_ARE)
        elif search.warm_start.count(each) > 1:
            yield Problem(place, f"names {each!r} twice", "keep one of them")


def _sampler_options(search: SearchSettings) -> list[Problem]:
    return _misfits(search.sampler_kind, search.sampler_options, "search.sampler_options")


def _early_stopping_options(search: SearchSettings) -> list[Problem]:
    place = "search.early_stopping_options"
    reserved = [name for name in search.early_stopping_options if name in RESERVED]
    if reserved:
        remedy = "search.metric, search.mode and budget.evaluations say it"
        return [Problem(place, f"{name} is not free", remedy) for name in reserved]
    return _misfits(search.early_stopping_kind, search.early_stopping_options, place)


def _first_rung(search: SearchSettings, evaluations: int) -> Iterator[Problem]:
    """A first comparison that no trial would reach."""
    try:
        rule = search.early_stopping_kind.with_options(search.early_stopping_options)
    except ValidationError:
        return  # said elsewhere
    if (first := rule.first(evaluations)) > evaluations:
        message = f"{first:g} is after a trial's last evaluation, {evaluations}"
        remedy = f"give 1 to {evaluations}, or raise budget.evaluations"
        yield Problem("search.early_stopping_options.grace_period", message, remedy)


def _misfits(
    kind: Sampler | EarlyStopping, options: Mapping[str, object], place: str
) -> list[Problem]:
    if options and not type(kind).model_fields:
        return [Problem(place, f"{kind.name} takes no options", "leave it out")]
    try:
        kind.with_options(options)
    except ValidationError as error:
        return explain(error, type(kind), place)
    return []


def _several_metrics(search: SearchSettings) -> Iterator[Problem]:
    """Problems of several metrics with options for a single one."""
    if not search.sampler_kind.several_metrics:
        message = f"{search.sampler} supports one metric, and search.metrics names several"
        *others, last = [
            name for name, kind in SAMPLERS.items() if kind.several_metrics and kind.learns
        ]
        yield Problem("search.sampler", message, f"use {', '.join(others)} or {last}")
    if search.early_stopping_kind.stops and "early_stopping" in search.model_fields_set:
        message = (
            f"{search.early_stopping} compares unfinished trials by one metric, and a trial that "
            "is behind in it may be ahead in another"
        )
        remedy = "with several metrics, leave it out or use none"
        yield Problem("search.early_stopping", message, remedy)


def _points(kind: Sampler, space: Space) -> list[Problem]:
    """Problems that prevent a finite sampler from listing its points."""
    try:
        if kind.finite:
            kind.points(space)
    except SpaceError as error:
        return [
            Problem(f"space.{p.place}", f"{kind.name}: {p.message}", p.remedy)
            for p in error.problems
        ]
    return []


def check_register(
    wanted: bool, search: SearchSettings | None, trial: TrialConfig | None
) -> list[Problem]:
    """Problems of the section `register`, found before anything is trained."""
    if not wanted:
        return []
    found = []
    if search and len(search.given_modes) > 1:
        message = "needs a single metric: a Pareto front has no winner"
        found.append(Problem("register", message, "use sweep register NAME --trial N afterwards"))
    if trial and trial.objective == "reward":
        message = "has no flavour in MLflow for reward models"
        found.append(Problem("register", message, "remove it, and use sweep export afterwards"))
    if trial and not trial.learns.trains:
        message = f"objective {trial.objective} trains no model"
        found.append(Problem("register", message, "remove it"))
    return found

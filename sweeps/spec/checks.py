"""Checks between the parts of a spec. Pure, except that they look for files on disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pydantic import ValidationError

from search_spaces.domains import Choice, Domain, Float
from search_spaces.dotted import at, holds, joined, leaves
from search_spaces.problem import Problem, did_you_mean
from search_spaces.space import Space
from search_spaces.values import quoted
from sweeps.builtin import PREFIX as BUILTIN
from sweeps.home.earlier_sweeps import PREFIX as EARLIER
from sweeps.home.earlier_sweeps import check_earlier_sweeps, named_models
from sweeps.spec.batches import check_batches, check_growth
from sweeps.spec.capacity import most_slots
from sweeps.spec.combinations import (
    check_combinations,
    check_engine,
    check_quantization,
    check_sections,
)
from sweeps.spec.encoders import check_encoders
from sweeps.spec.forks import check_forks
from sweeps.spec.generation import (
    check_generation,
    check_held_out,
    check_lookups,
    direction_of,
    judged_by_answers,
)
from sweeps.spec.scoring_functions import check_functions
from sweeps.spec.search_checks import check_search
from sweeps.spec.settings import SearchSettings, SlotsSettings, TrackingSettings
from trainables.config.data import TEMPLATES
from trainables.config.known_metrics import listed, meant
from trainables.config.own_metrics import own_modes
from trainables.config.trial import TrialConfig
from trainables.data.files.origin import is_hub_name
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.formula import FormulaError, formula_in, is_formula, parts_of
from trainables.metrics.registry import METRICS, metrics_of

_WITH_FILES = ("train", "validation", "test", "general", "knowledge")
"""Data fields that name files."""

_HUB_ID = re.compile(r"(?=.{1,96}$)[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


_MEASURING = ("search", "evaluation", "metrics")
"""The sections that say what trials are measured by; unsure if there is a mistake in them."""


@dataclass(frozen=True)
class Parts:
    """The parts of a spec; None for one that could not be read, which another problem reports."""

    trials: int | None
    trial: TrialConfig | None
    space: Space | None
    search: SearchSettings | None
    slots: SlotsSettings | None
    tree: Mapping[str, object]
    elsewhere: bool = False


def check_fit(parts: Parts, found: Sequence[Problem] = ()) -> list[Problem]:
    """All conflicts between parts, besides the problems `found` in each by itself."""
    problems: list[Problem] = []
    trial, space, search, slots = parts.trial, parts.space, parts.search, parts.slots
    unsure = any(problem.place.startswith(_MEASURING) for problem in found)
    if trial and search:
        problems += _metrics(trial, search, parts.tree)
        unsure = unsure or bool(problems)
        problems += check_generation(trial, search)
        problems += check_held_out(trial, search)
    if search:
        evaluations = trial.budget.evaluations if trial else None
        problems += check_search(search, space, parts.tree.get("name"), evaluations)
    if trial and space and search and not unsure:
        problems += check_lookups(trial, space, search)
    if trial and space:
        problems += _values(trial, space)
        problems += check_combinations(judged_by_answers(trial) if unsure else trial, space)
        problems += check_quantization(trial, space)
        problems += check_encoders(trial, space, parts.elsewhere)
    if trial:
        problems += check_sections(trial)
    if space:
        problems += _fixed_and_searched(space, parts.tree)
    if trial and slots:
        problems += check_batches(trial, space, slots.workers)
        problems += check_engine(trial, space, slots.workers)
        problems += check_growth(trial, space, slots)
    if trial and space and search and search.forks > 1 and not (found or problems):
        problems += check_forks(trial, space, search, at(parts.tree, "storage.uri"))
    if slots:
        problems += _fewest_slots(slots, parts.trials)
    if trial:
        problems += missing_files(trial, parts.elsewhere)
        problems += check_earlier_sweeps(trial, parts.tree.get("name"))
    return problems


def check_databases(
    search: SearchSettings | None, tracking: TrackingSettings | None
) -> list[Problem]:
    """Optuna and MLflow cannot share a database: both keep a table named alembic_version."""
    if not search or not tracking or not search.storage or search.storage != tracking.uri:
        return []
    remedy = "use two databases; they may be on the same server"
    return [Problem("search.storage", "is also the database of tracking.uri", remedy)]


def missing_files(trial: TrialConfig, elsewhere: bool = False) -> list[Problem]:
    """Local files and folders that the trial names and that do not exist.

    Absolute paths of a trial that runs `elsewhere` are not looked for here.
    """
    problems = []
    if not trial.learns.trains:
        return []
    for field, model in named_models(trial).items():
        if not (elsewhere and is_whole(model)):
            problems += _missing_model(field, model)
    for place, name in (*_files(trial), *_metric_files(trial)):
        if elsewhere and is_whole(name):
            continue
        if not _is_there(name) and not is_hub_name(name):
            remedy = f"relative paths start from the current folder, {Path.cwd()}"
            problems.append(Problem(place, f"file {name} does not exist", remedy))
        elif _is_empty(name):
            message = f"file {name} is empty (0 bytes)"
            problems.append(Problem(place, message, "download or write it again"))
    functions = check_functions(trial, is_whole if elsewhere else None)
    return [*problems, *functions, *_missing_template(trial, elsewhere)]


def _missing_template(trial: TrialConfig, elsewhere: bool) -> list[Problem]:
    name = trial.data.template if trial.data else None
    if name is None or name in TEMPLATES or _is_there(name) or (elsewhere and is_whole(name)):
        return []
    remedy = f"{did_you_mean(name, TEMPLATES)}; paths start from the current folder, {Path.cwd()}"
    return [Problem("data.template", f"{name} is neither a file nor a named template", remedy)]


def _is_empty(name: str) -> bool:
    """Whether a file is empty; checked early, since data may be read only after model building."""
    path = Path(name).expanduser()
    return path.is_file() and path.stat().st_size == 0


def is_whole(name: str) -> bool:
    """Whether a path is the same from every folder."""
    return name.startswith(("/", "~"))


def named_files(trial: TrialConfig) -> Iterator[tuple[str, str]]:
    """The existing files and folders of a trial, each with its place in the spec."""
    if trial.learns.trains:
        template = trial.data.template if trial.data else None
        own = [("data.template", template)] if template and template not in TEMPLATES else []
        named = (*_files(trial), *_metric_files(trial), *own, *named_models(trial).items())
        yield from ((place, name) for place, name in named if _is_there(name))


def _missing_model(field: str, model: str) -> list[Problem]:
    remedy = "name a folder with config.json and safetensors, or a hub id such as org/model"
    builtin = field == "model" and model.startswith(BUILTIN)
    if _is_folder(model) or builtin or model.startswith(EARLIER):
        return []
    if _is_there(model):
        folder = Path(model).parent
        return [Problem(field, f"{model} is a file", f"name the model's folder, {folder}")]
    if _looks_local(model):
        return [Problem(field, f"folder {model} does not exist", remedy)]
    if not _HUB_ID.fullmatch(model):
        return [Problem(field, f"{model!r} is neither a folder nor a hub id", remedy)]
    return []


def _is_there(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError):  # name too long, or home of an unknown user
        return False


def _is_folder(name: str) -> bool:
    return _is_there(name) and Path(name).expanduser().is_dir()


def _files(trial: TrialConfig) -> Iterator[tuple[str, str]]:
    if trial.data is None:
        return
    named = {place: getattr(trial.data, place) for place in _WITH_FILES}
    if trial.data.mix is not None:
        named["mix.train"] = trial.data.mix.train
    for place, names in named.items():
        for name in names if isinstance(names, tuple) else (names,):
            builtin = place not in ("validation", "test", "knowledge") and str(name).startswith(
                BUILTIN
            )
            if isinstance(name, str) and not builtin:
                yield f"data.{place}", name


def _metric_files(trial: TrialConfig) -> Iterator[tuple[str, str]]:
    for name, metric in trial.metrics.items():
        for field, file in metric.files.items():
            yield f"metrics.{name}.{field}", file


def _looks_local(model: str) -> bool:
    """Whether it must be a folder: a hub id is NAME or ORG/NAME."""
    return model.startswith(("/", "./", "../", "~")) or model.count("/") > 1


def _metrics(
    trial: TrialConfig, search: SearchSettings, tree: Mapping[str, object]
) -> Iterator[Problem]:
    """Metrics that are not measured, and formulas without a value or a direction."""
    unread = _unread_own(trial, tree)
    for name, mode in search.given_modes.items():
        if any(part.startswith(unread) for part in parts_of(name)):
            continue
        where = f"search.metrics.{name}" if search.metrics else "search.metric"
        wrong = [*_unmeasured(trial, name, where), *_constant(name, where)]
        yield from wrong
        if not wrong and mode is None and is_formula(name):
            yield from _without_direction(trial, name, where, several=bool(search.metrics))
    for name in trial.evaluation.formulas:
        if name not in search.given_modes:
            yield from _unmeasured(trial, name, "evaluation.formulas")
            yield from _constant(name, "evaluation.formulas")


def _unread_own(trial: TrialConfig, tree: Mapping[str, object]) -> tuple[str, ...]:
    """The beginnings of the names of own metrics with mistakes, which other problems report."""
    given = [name.split(".")[1] for name in leaves(tree) if name.startswith("metrics.")]
    return tuple(f"eval_{name}" for name in given if name not in trial.metrics)


def _constant(metric: str, where: str) -> Iterator[Problem]:
    formula = formula_in(metric)
    if formula and formula.is_constant:
        message = f"{formula.text} is the same for all trials, whatever its metrics are"
        yield Problem(where, message, "write a formula that varies with a metric")


def _unmeasured(trial: TrialConfig, metric: str, where: str) -> Iterator[Problem]:
    for name in parts_of(metric):
        of_a_class = trial.objective == "classification" and name.startswith(CLASS_METRIC)
        if name in trial.measures or of_a_class:
            continue
        if name in metrics_of(trial.objective):
            needs = METRICS[name].needs
            message = f"{name} is measured only with {needs}"
            yield Problem(where, message, f"set {needs} to a file")
        else:
            message = f"objective {trial.objective} does not measure {name!r}"
            yield Problem(where, message, _which(name, trial))


def _without_direction(
    trial: TrialConfig, formula: str, where: str, several: bool
) -> Iterator[Problem]:
    try:
        direction_of(trial, formula)
    except FormulaError as error:
        remedy = "write min or max after it" if several else "set search.mode to min or max"
        yield Problem(where, error.message, f"change it, or {remedy}")


def _fewest_slots(slots: SlotsSettings, trials: int | None) -> list[Problem]:
    """A `slots.min` above the maximum number of slots, for which a sweep would wait forever."""
    most, limit = most_slots(slots, trials)
    if slots.min <= most:
        return []
    message = f"{slots.min} slots must start before the first trial, but {limit} allows {most}"
    remedy = f"lower slots.min to {most}, or raise {limit.partition(' ')[0]}"
    return [Problem("slots.min", message, remedy)]


def _which(name: str, trial: TrialConfig) -> str:
    """The metric that was probably meant, and all that can be measured, with directions."""
    own = own_modes(trial.metrics)
    near = None if name in METRICS else meant(name, [*metrics_of(trial.objective), *own])
    question = f"did you mean {near}? " if near else ""
    return f"{question}{trial.objective} measures\n{listed(trial.objective, own, trial.target)}"


def _values(trial: TrialConfig, space: Space) -> list[Problem]:
    """Values in the space that the fields of a trial reject, such as a rank of 0."""
    problems = []
    for name, dimension in space.items():
        for value in chain.from_iterable(map(_typical, dimension.domains)):
            try:
                trial.with_params({name: value})
            except ValidationError as error:
                detail = error.errors(include_url=False)[0]
                if detail["loc"]:  # no place means a combination, which conditions may exclude
                    remedy = "search it with int or log_int" if "int" in detail["type"] else ""
                    message = f"{quoted(value)}: {detail['msg'].lower()}"
                    if detail["type"] == "missing":
                        field = joined(*detail["loc"])
                        message, remedy = f"needs {field}, which is not set", f"set {field}"
                    if (name, value) == ("method", "auto"):
                        message = "'auto' stands for one method, chosen before trial 1"
                        remedy = "write method: auto at the top level, and leave space.method out"
                    problems.append(Problem(f"space.{name}", message, remedy))
    return list(dict.fromkeys(problems))


def _typical(domain: Domain) -> tuple[object, ...]:
    """The ends of a domain and, for real numbers, one that is not a whole number."""
    if not isinstance(domain, Float):
        return _extremes(domain)
    next_one = 0.381 * (domain.high - domain.low) if domain.step is None else domain.step
    return *_extremes(domain), domain.canonical(min(domain.low + next_one, domain.high))


def _extremes(domain: Domain) -> tuple[object, ...]:
    return domain.options if isinstance(domain, Choice) else (domain.low, domain.high)


def _fixed_and_searched(space: Space, tree: Mapping[str, object]) -> list[Problem]:
    return [
        Problem(f"space.{name}", "is also set at the top level", "keep one of them")
        for name in space
        if holds(tree, name)
    ]

"""The files, folders and models that a sweep file names, looked for on disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from search_spaces.problem import Problem, did_you_mean
from sweeps.builtin import PREFIX as BUILTIN
from sweeps.home.earlier_sweeps import PREFIX as EARLIER
from sweeps.home.earlier_sweeps import named_models
from sweeps.spec.checks.scoring_functions import check_functions
from trainables.config.data import TEMPLATES
from trainables.config.trial import TrialConfig
from trainables.data.files.origin import is_hub_name

_WITH_FILES = ("train", "validation", "test", "general", "knowledge")
"""Data fields that name files."""

_HUB_ID = re.compile(r"(?=.{1,96}$)[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)


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


def named_files(trial: TrialConfig) -> Iterator[tuple[str, str]]:
    """The existing files and folders of a trial, each with its place in the spec."""
    if trial.learns.trains:
        template = trial.data.template if trial.data else None
        own = [("data.template", template)] if template and template not in TEMPLATES else []
        named = (*_files(trial), *_metric_files(trial), *own, *named_models(trial).items())
        yield from ((place, name) for place, name in named if _is_there(name))


def is_whole(name: str) -> bool:
    """Whether a path is the same from every folder."""
    return name.startswith(("/", "~"))


def _missing_template(trial: TrialConfig, elsewhere: bool) -> list[Problem]:
    name = trial.data.template if trial.data else None
    if name is None or name in TEMPLATES or _is_there(name) or (elsewhere and is_whole(name)):
        return []
    remedy = f"{did_you_mean(name, TEMPLATES)}; paths start from the current folder, {Path.cwd()}"
    return [Problem("data.template", f"{name} is neither a file nor a named template", remedy)]


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


def _is_there(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError):  # name too long, or home of an unknown user
        return False


def _is_folder(name: str) -> bool:
    return _is_there(name) and Path(name).expanduser().is_dir()


def _is_empty(name: str) -> bool:
    """Whether a file is empty; checked early, since data may be read only after model building."""
    path = Path(name).expanduser()
    return path.is_file() and path.stat().st_size == 0


def _looks_local(model: str) -> bool:
    """Whether it must be a folder: a hub id is NAME or ORG/NAME."""
    return model.startswith(("/", "./", "../", "~")) or model.count("/") > 1

"""The sentence-transformers models by which trials look up examples or passages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from search_spaces.problem import Problem
from search_spaces.space import Space
from sweeps.spec.reach import reachable
from trainables.config.trial import TrialConfig
from trainables.core.lookup import ENCODER_EXTRA, ENCODER_PACKAGE
from trainables.core.model_source import ModelSource
from trainables.methods.registry import METHODS

_WITHOUT = "leave it out to compare the base's own states"


def encoders(trial: TrialConfig, space: Space) -> dict[str, str]:
    """The encoders that trials use, each with its field."""
    found: dict[str, str] = {}
    for section in _sections():
        names = [f"{section}.{name}" for name in ("retriever", "encoder")]
        for point in reachable(space, ["method", *names]):
            try:
                config = trial.with_params(point)
            except ValidationError:
                continue  # reported by another check
            lookup = config.tunes.lookup(config) if config.method == section else None
            if lookup and lookup.retriever == "dense" and lookup.encoder:
                found[lookup.encoder] = _place(f"{section}.encoder", space)
    return found


def idle_encoders(trial: TrialConfig, space: Space) -> Iterator[str]:
    """Fields with an encoder in a sweep that has their method, but never the retriever dense."""
    used = encoders(trial, space).values()
    methods = {point.get("method", trial.method) for point in reachable(space, ["method"])}
    for section in _sections():
        field = f"{section}.encoder"
        given = field in space or getattr(trial, section).encoder is not None
        if given and section in methods and _place(field, space) not in used:
            yield field


def check_encoders(trial: TrialConfig, space: Space, elsewhere: bool) -> Iterator[Problem]:
    """Encoders without their package, and folders that do not exist; nothing is loaded.

    Packages and absolute paths of trials that run `elsewhere` are not looked for here.
    """
    for name, place in encoders(trial, space).items():
        if not elsewhere and find_spec(ENCODER_PACKAGE.replace("-", "_")) is None:
            message = f"{name} needs {ENCODER_PACKAGE}, which is not installed"
            yield Problem(place, message, f"pip install {ENCODER_EXTRA}, or {_WITHOUT}")
        elif _is_gone(name, elsewhere):
            remedy = f"correct it (paths start from {Path.cwd()}), or {_WITHOUT}"
            yield Problem(place, f"folder {name} does not exist", remedy)


def _is_gone(name: str, elsewhere: bool) -> bool:
    """Whether it can only be a folder, and is not there."""
    source = ModelSource(name)
    if not source.is_path or (elsewhere and name.startswith(("/", "~"))):
        return False
    try:
        return source.folder is None
    except (OSError, RuntimeError):  # name too long, or home of an unknown user
        return True


def _sections() -> list[str]:
    """The methods that have an encoder."""
    return [
        name
        for name, method in METHODS.items()
        if name in method.sections and "encoder" in method.sections[name].model_fields
    ]


def _place(field: str, space: Space) -> str:
    return f"space.{field}" if field in space else field

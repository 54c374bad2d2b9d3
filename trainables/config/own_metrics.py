"""A user's own metrics of generated answers: a function in a Python file, or a judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from trainables.config.judge import JudgeMetric
from trainables.core.frozen import Frozen
from trainables.metrics.metric import Mode
from trainables.metrics.registry import METRICS

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
"""A metric's name in a sweep file: that of a Python variable, in small letters."""

_FUNCTION = re.compile(r"[A-Za-z_]\w*")


class CodeMetric(Frozen):
    """A function called with lists of prompts, answers, references and records.

    It returns a number for each answer, one for all of them, or a dict of such with the keys of
    `modes`.
    """

    python: str = Field(description="FILE.py:FUNCTION, run with all your rights")
    mode: Mode | None = Field(default=None, description="min or max, for a single metric")
    modes: dict[str, Mode] | None = Field(
        default=None, description="min or max for each key, for a dict of metrics"
    )

    @field_validator("python")
    @classmethod
    def _names_a_function(cls, python: str) -> str:
        file, _, function = python.rpartition(":")
        if PurePath(file).suffix != ".py" or not _FUNCTION.fullmatch(function):
            raise ValueError(f"{python!r} names no function; write FILE.py:FUNCTION")
        return python

    @field_validator("modes")
    @classmethod
    def _keys_are_names(cls, modes: dict[str, Mode] | None) -> dict[str, Mode] | None:
        for key in modes or ():
            check_name(key)
        return modes

    @model_validator(mode="after")
    def _one_direction_for_each(self) -> CodeMetric:
        if bool(self.mode) == bool(self.modes):
            raise ValueError(
                "state which values are better: mode: min or max, or, for a function that returns "
                "a dict, modes: {KEY: min or max, ...}"
            )
        return self

    @property
    def file(self) -> str:
        """The file's name as given."""
        return self.python.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The function's name."""
        return self.python.rpartition(":")[2]

    @property
    def files(self) -> Mapping[str, str]:
        """The files that it needs, by their fields."""
        return {"python": self.file}

    def names(self, name: str) -> dict[str, Mode]:
        """Its metrics with their directions, where `name` is its own."""
        if self.modes is None:
            assert self.mode, "checked above"
            return {f"eval_{name}": self.mode}
        return {f"eval_{name}_{key}": mode for key, mode in self.modes.items()}


def _kind(metric: object) -> str | None:
    """Which of the two is meant, in words, since pydantic adds it to a field's place; None if that
    cannot be told."""
    if not isinstance(metric, Mapping):
        return "a judge" if isinstance(metric, JudgeMetric) else "a function"
    judges = bool({"endpoint", "rubric", "key_env"} & metric.keys())
    if (judges and "python" in metric) or metric.keys() <= {"mode", "modes"}:
        return None
    return "a judge" if judges else "a function"


OwnMetric = Annotated[
    Annotated[CodeMetric, Tag("a function")] | Annotated[JudgeMetric, Tag("a judge")],
    Discriminator(
        _kind,
        custom_error_type="own_metric",
        custom_error_message="must be either a function (python: FILE.py:FUNCTION) or a judge "
        "(endpoint, model and rubric)",
    ),
]


def check_name(name: str) -> None:
    """ValueError if it cannot be a metric's name."""
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a valid name of a metric; use small letters, digits and _"
        )


def check_names(metrics: Mapping[str, OwnMetric]) -> None:
    """ValueError if one has no valid name, or that of another metric."""
    taken = {*METRICS}
    for own, metric in metrics.items():
        check_name(own)
        for name in metric.names(own):
            if name in taken:
                raise ValueError(f"{own}: there is another metric {name}; choose another name")
            taken.add(name)


def own_modes(metrics: Mapping[str, OwnMetric]) -> dict[str, Mode]:
    """All own metrics with their directions."""
    return {
        name: mode for own, metric in metrics.items() for name, mode in metric.names(own).items()
    }

"""Choices of a space that are impossible with the model, refused before data and resources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from search_spaces.space import Space
from sweeps.base.errors import SweepError
from sweeps.spec.combinations import with_values
from sweeps.spec.reach import Point, reachable
from trainables.config.lengths import refuse_length
from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.tokenizer import context_length
from trainables.methods.registry import METHODS
from trainables.training.inputs import Inputs

READ = tuple(
    dict.fromkeys(("method", *(field for method in METHODS.values() for field in method.fits_by)))
)
"""Searchable fields that are compared with the model."""


def model_remarks(trial: TrialConfig, space: Space, checked: Path, name: str) -> tuple[str, ...]:
    """What the model says to the choices of `space`; SweepError if it cannot have one of them.

    `name` is the model's name in the sweep file.
    """
    from trainables.models.fit import Fit

    points, configs = _drawn(trial, space)
    problems, remarks = Fit(trial, checked).judge(configs)
    if problems:
        lines = [str(with_values(problem, points[place], space)) for place, problem in problems]
        one = "a choice is" if len(lines) == 1 else f"{len(lines)} choices are"
        raise SweepError("\n  ".join([f"{one} impossible with model {name}:", *lines]))
    return remarks


def check_lengths(trial: TrialConfig, space: Space, inputs: Inputs) -> None:
    """RefusedError if a choice adds more tokens than the model's context has room for."""
    context = context_length(inputs.model)
    longest = max(Examples(folder).longest for folder in inputs.sets)
    fields = ("method", *(name for name in space if name.endswith(".virtual_tokens")))
    for config in _drawn(trial, space, fields)[1]:
        refuse_length(config, context, longest)


def _drawn(
    trial: TrialConfig, space: Space, fields: Sequence[str] = READ
) -> tuple[list[Point], list[TrialConfig]]:
    points, configs = [], []
    for point in reachable(space, fields):
        try:
            configs.append(trial.with_params(point))
        except ValidationError:
            continue  # reported by another check, or refused when the trial starts
        points.append(point)
    return points, configs

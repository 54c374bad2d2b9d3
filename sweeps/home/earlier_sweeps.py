"""Models that a sweep file names as the winners of earlier sweeps: `sweep:NAME`."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.problem import Problem
from search_spaces.values import quoted
from sweeps.home.home import NAMES_ARE, is_name
from trainables.config.rewards import FIELDS, of_models
from trainables.config.trial import TrialConfig
from trainables.objectives.policy import RlConfig

PREFIX = "sweep:"


def named_models(trial: TrialConfig) -> dict[str, str]:
    """The models that a trial names, by their fields."""
    found = {"model": trial.model}
    if trial.learns.rolls_out:
        settings = trial.settings(RlConfig)
        found |= {FIELDS[metric]: name for metric, name in of_models(settings).items()}
    return found


def earlier_sweeps(trial: TrialConfig) -> dict[str, str]:
    """The names of the earlier sweeps whose winners a trial names, by its fields."""
    return {
        field: name.removeprefix(PREFIX)
        for field, name in named_models(trial).items()
        if name.startswith(PREFIX)
    }


def check_earlier_sweeps(trial: TrialConfig, own: object) -> Iterator[Problem]:
    """Names that no earlier sweep can have; `own` is the name of this one."""
    for field, name in earlier_sweeps(trial).items():
        if not name:
            yield Problem(field, f"{PREFIX} has no name behind it", f"write {PREFIX}NAME")
        elif not is_name(name):
            yield Problem(field, f"{quoted(name)} is not a sweep's name", NAMES_ARE)
        elif name == own:
            yield Problem(field, f"names this sweep, {name!r}", "name an earlier one")
    if "model" in earlier_sweeps(trial) and trial.model_revision is not None:
        message = f"belongs to a hub id, and model is {trial.model}"
        yield Problem("model_revision", message, "leave it out")

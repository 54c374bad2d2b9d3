"""Combinations of values that a sweep can reach but no trial can run, or none beside others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from search_spaces.problem import Problem
from search_spaces.space import Space
from search_spaces.values import show
from sweeps.spec.reach import Point, reachable
from trainables.config.combinations import READ, refusals
from trainables.config.trial import TrialConfig
from trainables.lanes.kind import why_alone
from trainables.methods.registry import METHODS
from trainables.objectives.registry import OBJECTIVES, SECTIONS
from trainables.training.zero.settings import refused_settings

_SHARING = (
    "method",
    "objective",
    "precision",
    "compile",
    "neftune_noise",
    "lora.dora",
    "lora.init",
)
"""The fields that `why_alone` reads."""


def check_combinations(trial: TrialConfig, space: Space) -> list[Problem]:
    """The problems of reachable combinations, each with the first values that cause it."""
    found: dict[Problem, Mapping[str, object]] = {}
    for point in reachable(space, READ):
        try:
            config = trial.with_params(point)
        except ValidationError:
            continue  # reported by another check, or refused when the trial starts
        for problem in refusals(config):
            found.setdefault(problem, point)
    return [with_values(problem, point, space) for problem, point in found.items()]


def check_quantization(trial: TrialConfig, space: Space) -> list[Problem]:
    """Quantisation settings in a sweep where no trial quantises."""
    points = reachable(space, ["method"])
    methods = dict.fromkeys(str(point.get("method", trial.method)) for point in points)
    able = [name for name, method in METHODS.items() if method.quantizes]
    unread = "quantization" in trial.model_fields_set and not set(able) & set(methods)
    if not unread or not trial.learns.trains:
        return []
    only = " or ".join(able)
    message = f"only {only} trains on a quantised base, but the method is {' or '.join(methods)}"
    return [Problem("quantization", message, f"set method: {only}, or leave it out")]


def check_sections(trial: TrialConfig) -> list[Problem]:
    """Settings of other objectives, which no trial of the sweep reads."""
    problems = []
    for name in sorted({*SECTIONS} - {*trial.learns.sections}):
        if name in trial.model_fields_set:
            able = " or ".join(each for each, kind in OBJECTIVES.items() if name in kind.sections)
            message = f"objective {trial.objective} does not read it; it is for {able}"
            problems.append(Problem(name, message, "leave it out, or change objective"))
    return problems


def check_engine(trial: TrialConfig, space: Space | None, workers: int) -> list[Problem]:
    """Conflicts of slots.deepspeed with the workers, and of its JSON with the trials."""
    return [*_json(trial, space, workers), *_nodes(trial, workers)]


def _json(trial: TrialConfig, space: Space | None, workers: int) -> list[Problem]:
    try:
        return refused_settings(trial, workers, searched=tuple(space or ()))
    except ValueError:
        return []  # no even division among the workers; reported by another check


def _nodes(trial: TrialConfig, workers: int) -> Iterator[Problem]:
    size = trial.deepspeed.hierarchical_partition_size if trial.deepspeed else 1
    if workers % size:
        message = f"{size} does not divide the {workers} workers of a slot"
        remedy = "set it to the number of workers on a node"
        yield Problem("slots.deepspeed.hierarchical_partition_size", message, remedy)


def why_all_alone(trial: TrialConfig, space: Space) -> str | None:
    """Why no trial of the space can share a base with others; None if some can."""
    each = [_why_alone(trial, point) for point in reachable(space, _SHARING)]
    return None if None in each else each[0]


def _why_alone(trial: TrialConfig, point: Point) -> str | None:
    try:
        return why_alone(trial.with_params(point))
    except ValidationError:
        return "its settings do not go together"


def with_values(problem: Problem, point: Mapping[str, object], space: Space) -> Problem:
    """The same problem, with the searched values that cause it."""
    place = f"space.{problem.place}" if problem.place in space else problem.place
    values = " and ".join(f"{name} {show(value)}" for name, value in point.items())
    message = f"with {values}: {problem.message}" if values else problem.message
    return Problem(place, message, problem.remedy)

"""Values of the space that the fields of a trial reject. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from search_spaces.domains import Choice, Domain, Float
from search_spaces.dotted import joined
from search_spaces.problem import Problem
from search_spaces.space import Space
from search_spaces.values import quoted
from trainables.config.trial import TrialConfig


def check_values(trial: TrialConfig, space: Space) -> list[Problem]:
    """Values in the space that the fields of a trial reject, such as a rank of 0."""
    problems: list[Problem] = []
    for name, dimension in space.items():
        for value in chain.from_iterable(map(_typical, dimension.domains)):
            try:
                trial.with_params({name: value})
            except ValidationError as error:
                problems += _rejected(name, value, error.errors(include_url=False)[0])
    return list(dict.fromkeys(problems))


def _rejected(name: str, value: object, detail: ErrorDetails) -> Iterator[Problem]:
    if not detail["loc"]:
        return  # a combination, which conditions may exclude
    remedy = "search it with int or log_int" if "int" in detail["type"] else ""
    message = f"{quoted(value)}: {detail['msg'].lower()}"
    if detail["type"] == "missing":
        field = joined(*detail["loc"])
        message, remedy = f"needs {field}, which is not set", f"set {field}"
    if (name, value) == ("method", "auto"):
        message = "'auto' stands for one method, chosen before trial 1"
        remedy = "write method: auto at the top level, and leave space.method out"
    yield Problem(f"space.{name}", message, remedy)


def _typical(domain: Domain) -> tuple[object, ...]:
    """The ends of a domain and, for real numbers, one that is not a whole number."""
    if not isinstance(domain, Float):
        return _extremes(domain)
    next_one = 0.381 * (domain.high - domain.low) if domain.step is None else domain.step
    return *_extremes(domain), domain.canonical(min(domain.low + next_one, domain.high))


def _extremes(domain: Domain) -> tuple[object, ...]:
    return domain.options if isinstance(domain, Choice) else (domain.low, domain.high)

"""Between our spaces and Optuna's distributions, both ways; the room's only `import optuna`.

Optuna's categories are None, booleans, numbers and texts. A list-valued option travels as its JSON
text, and a text that could be taken for one travels in JSON quotes, so that nothing is ambiguous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search_spaces.domains import Choice, Domain, Float, Int
from search_spaces.problem import DomainError, Problem, SpaceError, did_you_mean
from search_spaces.space import Space
from search_spaces.values import as_option

_JSON_STARTS = ("[", '"')


def to_distribution(domain: Domain) -> BaseDistribution:
    """Optuna's name for `domain`."""
    match domain:
        case Float():
            return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case Int():
            return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
        case Choice():
            return CategoricalDistribution([_encoded(option) for option in domain.options])


def from_distribution(distribution: BaseDistribution) -> Domain:
    """The domain that `to_distribution` turns into `distribution`."""
    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return Float(low, high, log, step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return Int(low, high, log, step)
        case CategoricalDistribution(choices=choices):
            return Choice(tuple(map(_decoded, choices)))
    raise DomainError(f"{distribution} is of an unknown kind")


def suggest(trial: optuna.trial.BaseTrial, space: Space) -> dict[str, Any]:
    """Ask `trial` for a value of each active name, parents first.

    Raises SpaceError where the trial was queued with a value that the space does not have.
    """
    params: dict[str, Any] = {}
    for name in space.parents_first:
        if name in space.active(params):
            params[name] = _asked(trial, name, space[name].domain)
    return {name: params[name] for name in space if name in params}


def encode(params: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """A point, whole or partial, as `study.enqueue_trial` takes it.

    Raises SpaceError where it does not fit the space.
    """
    problems = space.explain(params, partial=True)
    if problems:
        raise SpaceError(problems)
    return {name: _encoded(space[name].domain.canonical(params[name])) for name in params}


def decode(params: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """The inverse of `encode`, and what `trial.params` means.

    Raises SpaceError for a name or a value that the space does not have.
    """
    strangers = [name for name in params if name not in space]
    if strangers:
        raise SpaceError(
            Problem(name, "is not in the space", did_you_mean(name, space.names))
            for name in strangers
        )
    return {name: _read(name, params[name], space[name].domain) for name in params}


def _asked(trial: optuna.trial.BaseTrial, name: str, domain: Domain) -> Any:
    value: Any
    match domain:
        case Float():
            value = trial.suggest_float(
                name, domain.low, domain.high, log=domain.log, step=domain.step
            )
        case Int():
            value = trial.suggest_int(
                name, domain.low, domain.high, log=domain.log, step=domain.step
            )
        case Choice():
            value = trial.suggest_categorical(name, [_encoded(each) for each in domain.options])
    return _read(name, value, domain)


def _read(name: str, value: Any, domain: Domain) -> Any:
    """Optuna's value in our spelling: samplers leave rounding errors on stepped and log floats."""
    try:
        return domain.canonical(_decoded(value) if isinstance(domain, Choice) else value)
    except DomainError as error:
        raise SpaceError([error.at(name)]) from error


def _encoded(option: Any) -> Any:
    is_ambiguous = isinstance(option, str) and option.startswith(_JSON_STARTS)
    return json.dumps(option) if is_ambiguous or isinstance(option, tuple) else option


def _decoded(category: Any) -> Any:
    if isinstance(category, str) and category.startswith(_JSON_STARTS):
        return as_option(json.loads(category))
    return category

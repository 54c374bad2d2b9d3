"""Conversion between our spaces and Optuna's distributions; this folder's only `import optuna`.

A name with one branch is one parameter of that name. With several branches each is its own
parameter, such as `learning_rate [method=full,freeze]`, so that a sampler never mixes their ranges.

Optuna's categories are None, booleans, numbers and texts. List-valued options become JSON text, and
texts that look like such JSON are put in JSON quotes, so that nothing is ambiguous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

import optuna

from search_spaces.dimension import Branch, Conditions, Dimension
from search_spaces.domains import Choice, Domain, Float, Int
from search_spaces.problem import DomainError, Problem, SpaceError, did_you_mean
from search_spaces.space import Space
from search_spaces.values import Value, as_option, show

Category: TypeAlias = bool | int | float | str | None
"""Optuna's value of a parameter."""

_JSON_STARTS = ("[", '"')


def to_parameters(name: str, dimension: Dimension) -> dict[str, Branch]:
    """The Optuna parameters for `name`, each with its branch.

    Unique in the space: branches differ in their conditions, and names hold no punctuation but . -
    """
    if len(dimension.branches) == 1:
        return {name: dimension.branches[0]}
    return {f"{name} [{_label(branch.when)}]": branch for branch in dimension.branches}


def parameters(space: Space) -> dict[str, tuple[str, Domain]]:
    """Each Optuna parameter of the space, with the name that it stands for and its domain."""
    return {
        parameter: (name, branch.domain)
        for name, dimension in space.items()
        for parameter, branch in to_parameters(name, dimension).items()
    }


def suggest(
    trial: optuna.trial.BaseTrial, space: Space, given: Mapping[str, Value] | None = None
) -> dict[str, Value]:
    """Ask `trial` for a value of each active name, parents first.

    Names in `given` keep their values there, which may be outside of the space, and Optuna does not
    learn of them. Raises SpaceError if the trial was queued with a value outside of the space.
    """
    params = dict(given or {})
    for name in space.parents_first:
        if name in params:
            continue
        standing = space.standings(params)[name]
        for parameter, branch in to_parameters(name, space[name]).items():
            if standing.sure and branch in standing.branches:
                params[name] = _asked(trial, name, parameter, branch.domain)
    return {name: params[name] for name in (*space, *params) if name in params}


def encode(params: Mapping[str, object], space: Space) -> dict[str, Category]:
    """A point, whole or partial, for `study.enqueue_trial`.

    If a partial point leaves the branch of a name open, each branch with the value gets it. Raises
    SpaceError if the point does not fit the space.
    """
    problems = space.explain(params, partial=True)
    if problems:
        raise SpaceError(problems)
    standings = space.standings(params)
    return {
        parameter: encode_value(branch.domain.canonical(value))
        for name, value in params.items()
        for parameter, branch in to_parameters(name, space[name]).items()
        if branch in standings[name].branches and branch.domain.contains(value)
    }


def decode(params: Mapping[str, object], space: Space) -> dict[str, Value]:
    """The inverse of `encode`, for `trial.params`.

    Of several branches of a name, which a partial point may have queued, the first one counts.
    Raises SpaceError for a parameter or a value outside of the space.
    """
    known = parameters(space)
    strangers = [parameter for parameter in params if parameter not in known]
    if strangers:
        raise SpaceError(
            Problem(parameter, "is not in the space", did_you_mean(parameter, list(known)))
            for parameter in strangers
        )
    point: dict[str, Value] = {}
    for parameter, value in params.items():
        name, domain = known[parameter]
        point.setdefault(name, decode_value(parameter, value, domain))
    return point


def decode_value(name: str, value: object, domain: Domain) -> Value:
    """Optuna's value of a parameter in our spelling, without samplers' rounding errors on step and
    log floats."""
    try:
        return domain.canonical(_decoded(value) if isinstance(domain, Choice) else value)
    except DomainError as error:
        raise SpaceError([error.at(name)]) from error


def encode_value(option: Value) -> Category:
    """A value in Optuna's spelling; the inverse of `decode_value`."""
    if isinstance(option, tuple) or (isinstance(option, str) and option.startswith(_JSON_STARTS)):
        return json.dumps(option)
    return option


def _label(when: Conditions) -> str:
    return "; ".join(f"{name}={','.join(map(show, values))}" for name, values in when.items())


def _asked(trial: optuna.trial.BaseTrial, name: str, parameter: str, domain: Domain) -> Value:
    value: Category
    match domain:
        case Float():
            value = trial.suggest_float(
                parameter, domain.low, domain.high, log=domain.log, step=domain.step
            )
        case Int():
            value = trial.suggest_int(
                parameter, domain.low, domain.high, log=domain.log, step=domain.step
            )
        case Choice():
            value = trial.suggest_categorical(
                parameter, [encode_value(each) for each in domain.options]
            )
    return decode_value(name, value, domain)


def _decoded(category: object) -> object:
    if isinstance(category, str) and category.startswith(_JSON_STARTS):
        return as_option(json.loads(category))
    return category

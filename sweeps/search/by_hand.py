"""Trials in a study that a user asked for.

A user attribute holds the id of the request, so that none is queued twice. A request with values
outside of the space is not put in Optuna's terms: no distribution has the values. They are in
another attribute, and the trial ends as failed there, which every sampler ignores.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial

from results.records.branch import Branch
from results.records.request import TrialRequest
from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import Value, as_option

_REQUEST, _CLONED_FROM, _OUTSIDE = "request", "cloned_from", "outside_space"


class Origin(NamedTuple):
    """Whether a user asked for a trial, the number of the trial that it is a clone of, and the
    trials that were drawn with it, if any."""

    added_by_hand: bool
    cloned_from: int | None
    branch: Branch | None = None


def queue(
    study: optuna.Study,
    known: Collection[FrozenTrial],
    requests: Mapping[str, TrialRequest],
    space: Space,
) -> list[str]:
    """Queue the trials of those requests that the `known` trials do not have yet; returns the ids
    of these requests."""
    had = {trial.user_attrs.get(_REQUEST) for trial in known}
    new = [name for name, each in requests.items() if each.kind == "add" and name not in had]
    for name in new:
        _queue(study, name, requests[name], space)
    return new


def _queue(study: optuna.Study, name: str, request: TrialRequest, space: Space) -> None:
    point = {each: as_option(value) for each, value in request.params.items()}
    attributes: dict[str, Any] = {_REQUEST: name}
    if request.cloned_from is not None:
        attributes[_CLONED_FROM] = request.cloned_from
    if space.explain(point, partial=True):
        attributes[_OUTSIDE], point = point, {}
    study.enqueue_trial(dict(bridge.encode(point, space)), user_attrs=attributes)


def is_by_hand(trial: FrozenTrial | optuna.Trial) -> bool:
    """Whether a user asked for the trial."""
    return _REQUEST in trial.user_attrs


def origin(trial: optuna.Trial | None) -> Origin:
    """Where the trial comes from."""
    attributes = trial.user_attrs if trial else {}
    return Origin(_REQUEST in attributes, attributes.get(_CLONED_FROM))


def outside(trial: FrozenTrial | optuna.Trial) -> dict[str, Value]:
    """The values asked for, if one of them is outside of the space; else nothing."""
    values: dict[str, Any] = trial.user_attrs.get(_OUTSIDE, {})
    return {name: as_option(value) for name, value in values.items()}  # type: ignore[misc]

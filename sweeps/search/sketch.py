"""What a sampler would draw for a trial, of which the study learns nothing, until a draw suits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.storages import BaseStorage

from search_spaces import bridge
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.search.drawing import OWN_ATTEMPTS
from sweeps.search.untried import KeyedPoint

Suits = Callable[[Mapping[str, Value]], bool]
"""Whether a trial with these params can be trained, as far as is known before."""

ATTEMPTS = 2 * OWN_ATTEMPTS
"""Draws of a trial until one suits."""


def misfits(
    suits: Suits, led: Callable[[Sequence[KeyedPoint]], optuna.Trial], space: Space
) -> list[KeyedPoint]:
    """The draws of a trial before the first that suits; empty if none does. `led` has the trial's
    next attempt avoid those before.

    They depend on the study's data and the trial's number, so that a resumed search finds the same.
    """
    found: list[KeyedPoint] = []
    for _ in range(ATTEMPTS):
        params = sketched(led(found), space)
        if suits(params):
            return found
        found.append(KeyedPoint.of(params))
    return []


def sketched(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """The params that the study's sampler gives the trial, which keeps none of them. Its values so
    far, and those that it was queued with, stay."""
    sketch = optuna.Trial(trial.study, trial._trial_id)
    sketch.storage = _Unwritten(trial.study._storage)  # type: ignore[assignment]
    # The storage may have handed out its own.
    sketch._cached_frozen_trial = copy.deepcopy(sketch._cached_frozen_trial)
    return bridge.suggest(sketch, space)


class _Unwritten:
    """A storage to which parameters are not written."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_param(self, *written: object) -> None:
        """Nothing."""

"""The parameters that act late in a trial, found from its steps; and searches without forks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from search_spaces.domains import Choice, Domain
from search_spaces.problem import Problem
from search_spaces.space import Space
from search_spaces.values import Value, identity
from sweeps.spec.settings import SearchSettings
from trainables.config.trial import TrialConfig

if TYPE_CHECKING:
    from trainables.training.forks.tape import Tape

Params = Mapping[str, Value]

_STEPS = 1000
"""Steps of the plan on which trials are compared; schedules are in shares of the whole."""

_LEAST = 0.25
"""A parameter acts late if each of its values leaves at least this share of all steps alone."""

_TRIALS = 32
"""Trials among which one with a late parameter is looked for."""

_OPTIONS = 8
"""Maximum number of options of a choice that are tried."""


class Late:
    """Which parameters of a space act late, for trials with the settings `trial` otherwise."""

    def __init__(self, trial: TrialConfig, space: Space) -> None:
        import numpy as np

        from trainables.training.plan import Plan

        self._trial = trial
        self._space = space
        at = np.arange(_STEPS + 1, dtype=np.int64)
        self._plan = Plan({}, 1, 1, 1, at[:-1], at, at)

    def of(self, params: Params) -> tuple[str, ...]:
        """The names that act late in a trial with these params; those that never act are none."""
        tape = self._tape(params)
        if tape is None:
            return ()
        return tuple(name for name in params if self._is_late(name, params, tape))

    def held(self, params: Params) -> dict[str, Value]:
        """The params without those that act late."""
        late = self.of(params)
        return {name: value for name, value in params.items() if name not in late}

    def shared(self, one: Params, other: Params) -> float:
        """The share of their steps that two trials have in common."""
        from trainables.training.forks.tape import shared_steps

        mine, others = self._tape(one), self._tape(other)
        return shared_steps(mine, others) / _STEPS if mine and others else 0.0

    def any(self) -> bool:
        """Whether some trial has a parameter that acts late, as far as a few show."""
        rng = random.Random(0)
        return any(self.of(self._random(rng)) for _ in range(_TRIALS))

    def _random(self, rng: random.Random) -> Params:
        point: dict[str, Value] = {}
        for name in self._space.parents_first:
            domain = self._space.held(name, point)
            if domain is not None:
                point[name] = rng.choice(_values(domain))
        return point

    def _is_late(self, name: str, params: Params, tape: Tape) -> bool:
        from trainables.training.forks.tape import shared_steps

        acts = False
        for changed in self._changed(name, params):
            other = self._tape(changed)
            shared = _STEPS if other is None else shared_steps(tape, other)
            if shared < _LEAST * _STEPS:
                return False
            acts = acts or shared < _STEPS
        return acts

    def _changed(self, name: str, params: Params) -> Iterator[Params]:
        """The params with other values of the name, and whatever these bring with them."""
        domain = self._space.held(name, params)
        for value in _values(domain) if domain else ():
            if identity(value) != identity(params[name]):
                yield from self._completed({**params, name: value})

    def _completed(self, given: Params) -> Sequence[Params]:
        points: list[dict[str, Value]] = [{}]
        for name in self._space.parents_first:
            points = list(
                itertools.chain.from_iterable(
                    self._with_value(point, name, given) for point in points
                )
            )
        return points

    def _with_value(
        self, point: dict[str, Value], name: str, given: Params
    ) -> list[dict[str, Value]]:
        domain = self._space.held(name, point)
        if domain is None:
            return [point]
        known = name in given and domain.contains(given[name])
        values = (given[name],) if known else _values(domain)
        return [{**point, name: value} for value in values]

    def _tape(self, params: Params) -> Tape | None:
        """None for a combination that will be refused."""
        from trainables.training.forks.tape import Tape

        try:
            config = self._trial.with_params(params)
        except ValidationError:
            return None
        return Tape(config, self._plan) if config.tunes.trains else None


def _values(domain: Domain) -> tuple[Value, ...]:
    """The ends of a range; the first options of a choice."""
    if isinstance(domain, Choice):
        return domain.options[:_OPTIONS]
    return domain.low, domain.high


def check_forks(
    trial: TrialConfig, space: Space, search: SearchSettings, storage: object
) -> Iterator[Problem]:
    """What a search with forks cannot be combined with, or has no use for; `storage` is its URI."""
    place = "search.forks"
    problem = _misfit(trial, search, storage)
    if problem is not None:
        yield Problem(place, *problem)
    elif not Late(trial, space).any():
        message = "no parameter of the space acts late in training: no trials have steps in common"
        remedy = "search wsd.decay_fraction or floor_fraction with schedule: wsd, or leave it out"
        yield Problem(place, message, remedy)


def _misfit(trial: TrialConfig, search: SearchSettings, storage: object) -> tuple[str, str] | None:
    """The first reason why trials cannot share steps, and the way out."""
    if not trial.learns.trains:
        return f"objective {trial.objective} trains no model", "leave it out"
    if trial.learns.rolls_out:
        return f"objective {trial.objective} learns from its own answers", "leave it out"
    if search.metrics:
        return "needs a single metric, and search.metrics names several", "leave it out"
    if search.trial_patience is not None:
        message = "search.trial_patience may end a trunk before its branches part"
        return message, "leave one of the two out"
    if search.sampler_kind.finite:
        return f"{search.sampler} tries every combination once", "use another sampler"
    if storage is not None:
        remedy = "let all nodes see the sweep home, or leave one of the two out"
        return "forks are kept in the sweep's folder, not at storage.uri", remedy
    if trial.micro_batch_grows:
        message = "micro_batch_size: auto may cut the batches of two trials differently"
        return message, "set micro_batch_size to a number"
    return None

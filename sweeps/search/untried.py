"""A sampler that leads another one away from combinations that the sweep has had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from search_spaces import bridge
from search_spaces.counting import agreeing, count_points
from search_spaces.domains import Domain
from search_spaces.problem import SpaceError
from search_spaces.space import Space
from search_spaces.values import Value, identity
from sweeps.samplers.wrappers.around import Around

Point = Mapping[str, Value]


class Combinations:
    """The points of a space that a sweep has had, whatever came of them."""

    def __init__(self, space: Space, had: Iterable[KeyedPoint]) -> None:
        self.space = space
        self._had = list({each.key: each.point for each in had}.values())
        self._found: dict[object, list[Point]] = {}

    def untried(self, given: Point) -> bool:
        """Whether there are points with these values that the sweep has not had."""
        if count_points(self.space, len(self._had) + 1, given) > len(self._had):
            return True
        having = len(self._having(list(given.items())))
        return count_points(self.space, having + 1, given) > having

    def _having(self, given: Sequence[tuple[str, Value]]) -> list[Point]:
        """The points with these values. A trial gets one value after the other, so each one narrows
        down what was found before."""
        if not given:
            return self._had
        key = tuple((name, identity(value)) for name, value in given)
        if key not in self._found:
            before = self._having(given[:-1])
            self._found[key] = agreeing(self.space, before, dict(given[-1:]))
        return self._found[key]


class KeyedPoint(NamedTuple):
    """A point, and what only equal points have in common."""

    key: object
    point: Point

    @classmethod
    def of(cls, point: Point) -> KeyedPoint:
        return cls(tuple(sorted((n, repr(identity(v))) for n, v in point.items())), point)


def can_repeat(space: Space) -> bool:
    """Whether draws from the space can repeat: not if a number without a step is in all of them."""
    return all(
        dimension.parents or dimension.domain.cardinality is not None
        for dimension in space.values()
    )


class Untried(Around):
    """Draws one trial as `sampler` does, as long as that can become an untried combination.

    Where a value would only lead to points that the sweep has had, the nearest value that leads to
    others takes its place. The sampler's own memory stays on the trial, as ever.
    """

    def __init__(self, sampler: BaseSampler, combinations: Combinations) -> None:
        super().__init__(sampler)
        self._combinations = combinations
        self._parameters = bridge.parameters(combinations.space)
        self._proposed: dict[str, Any] = {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing yet: what the sampler proposes is checked value by value."""
        self._proposed = self._sampler.sample_relative(study, trial, search_space)
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The sampler's value, or the nearest one with untried combinations."""
        name, domain = self._parameters[param_name]
        proposed = self._proposed.get(param_name)
        if param_name not in self._proposed or not _is_in(domain, name, proposed):
            proposed = self._sampler.sample_independent(
                study, trial, param_name, param_distribution
            )
        given = given_values(trial, self._combinations.space)
        value = bridge.decode_value(name, proposed, domain)
        return bridge.encode_value(self._nearest(name, value, domain, given))

    def _nearest(self, name: str, value: Value, domain: Domain, given: Point) -> Value:
        if self._combinations.untried({**given, name: value}) or domain.cardinality is None:
            return value
        others = (
            other
            for other in domain.others(value)
            if self._combinations.untried({**given, name: other})
        )
        return next(others, value)


def given_values(trial: FrozenTrial, space: Space) -> dict[str, Value]:
    """The values that a trial has, and those that it was queued with."""
    queued = trial.system_attrs.get("fixed_params", {})
    return bridge.decode({**queued, **trial.params}, space)


def _is_in(domain: Domain, name: str, category: object) -> bool:
    try:
        bridge.decode_value(name, category, domain)
    except SpaceError:
        return False
    return True

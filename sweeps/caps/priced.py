"""The trials of a sweep in advance: random points of its space, and what each takes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import optuna

from search_spaces import bridge
from search_spaces.values import Value
from sweeps.caps.simulation import Family, Planned
from sweeps.caps.speeds import Prices
from sweeps.planning.edits import NO_EDITS, Edits
from sweeps.spec.forks import Late
from sweeps.spec.spec import SweepSpec

_DRAWS = 200
"""Random points of the space whose trials are priced."""


def families_of(spec: SweepSpec, prices: Prices, edits: Edits = NO_EDITS) -> list[Family]:
    """The trials at random points of the space, as they are edited; with forks, each with random
    branches."""
    return [*_Drawing(spec, prices, edits).families()]


class _Drawing:
    def __init__(self, spec: SweepSpec, prices: Prices, edits: Edits) -> None:
        self._spec, self._prices, self._edits = spec, prices, edits
        seed = random.Random(spec.search.seed).randrange(2**32)
        self._study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        self._late = Late(spec.trial, spec.space) if spec.search.forks > 1 else None

    def families(self) -> Iterator[Family]:
        """All of them; combinations that will be refused are none."""
        for _ in range(max(1, _DRAWS // self._spec.search.forks)):
            trunk = self._drawn({})
            family: list[Planned] = []
            points: list[Mapping[str, Value]] = []
            for point in (trunk, *self._branches(trunk)):
                seconds = self._priced(point)
                if seconds is not None:
                    family.append(Planned(seconds, *self._taken_over(points, point)))
                    points.append(point)
            if family:
                yield tuple(family)

    def _drawn(self, held: Mapping[str, Value]) -> dict[str, Value]:
        return bridge.suggest(self._study.ask(), self._spec.space, held)

    def _branches(self, trunk: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
        held = self._late.held(trunk) if self._late else trunk
        if len(held) < len(trunk):
            for _ in range(self._spec.search.forks - 1):
                yield self._drawn(held)

    def _priced(self, params: Mapping[str, Value]) -> float | None:
        with suppress(ValueError):  # a combination that will be refused
            config = self._edits.given(params, self._spec.trial.with_params(params))
            return self._prices.of(config, params) if config is not None else None
        return None

    def _taken_over(
        self, earlier: Sequence[Mapping[str, Value]], params: Mapping[str, Value]
    ) -> tuple[float, int]:
        """The largest share of its steps that a trial has in common with an earlier one of its
        family, and the place of that one."""
        if self._late is None or not earlier:
            return 0.0, 0
        return max((self._late.shared(one, params), place) for place, one in enumerate(earlier))

"""A sampler of which some early draws are around values that are known to be good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from results.records.prior import Prior
from sweeps.samplers.wrappers.around import Around
from sweeps.samplers.wrappers.bell import Bell
from sweeps.samplers.wrappers.last_values import value_of

_FIRST_SHARE, _HALVES_EVERY = 0.5, 5.0
"""The share of the first trials drawn around priors, and the trials after which it is half."""

_LAST = 10
"""The trial from which on none is."""

_FAR = 2.0
"""Standard deviations from a prior beyond which the best trial speaks against it."""

Guesses = Mapping[str, Sequence[Prior]]
"""The priors, by Optuna's parameter."""


class AroundPriors(Around):
    """Draws one trial as `sampler` does, or, with a probability that falls with its number, the
    parameters that have priors around these (the idea of PriorBand, Mallik et al. 2023,
    arXiv:2306.12370). It leaves a prior alone while the best trial is far from it.

    Its draws depend on the seed, the trial's number in the sweep and what was measured, so that a
    resumed sweep repeats them.
    """

    def __init__(self, sampler: BaseSampler, guesses: Guesses, seed: int, number: int) -> None:
        super().__init__(sampler)
        self._guesses = guesses
        self._seed = seed
        share = _FIRST_SHARE * 0.5 ** (number / _HALVES_EVERY)
        self._draws = number < _LAST and Random(f"{seed}/prior").random() < share

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The sampler's values, but for those to be drawn around priors."""
        values = self._sampler.sample_relative(study, trial, search_space)
        if not self._draws:
            return values
        return {name: value for name, value in values.items() if name not in self._guesses}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A value around the parameter's prior, if the trial is drawn so; else the sampler's."""
        if self._draws and (prior := self._prior(trial, param_name)):
            bell = Bell(prior.value, param_distribution)
            best = _best(study, param_name, prior.method)
            if best is None or bell.away(best) <= _FAR:
                return bell.quantile(Random(f"{self._seed}/{param_name}").random())
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def _prior(self, trial: FrozenTrial, parameter: str) -> Prior | None:
        method = trial.params.get("method")
        priors = self._guesses.get(parameter, ())
        return next((each for each in priors if each.method in (None, method)), None)


def _best(study: Study, parameter: str, method: str | None) -> float | None:
    """The parameter's value in the best trial so far that has it, of this method if one is given;
    None without one, and with several metrics."""
    if study._is_multi_objective():
        return None
    found = [
        (value, trial.params[parameter])
        for trial in study.get_trials(deepcopy=False)
        if parameter in trial.params
        and method in (None, trial.params.get("method"))
        and (value := value_of(trial, study.direction)) is not None
    ]
    pick = min if study.direction is StudyDirection.MINIMIZE else max
    return pick(found, key=lambda pair: pair[0])[1] if found else None

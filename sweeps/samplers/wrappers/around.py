"""The base of samplers that draw with another one."""

from __future__ import annotations

from collections.abc import Sequence

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState


class Around(BaseSampler):
    """Passes on to `sampler` all but the draws, which a subclass changes."""

    def __init__(self, sampler: BaseSampler) -> None:
        self._sampler = sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that the sampler draws together."""
        return self._sampler.infer_relative_search_space(study, trial)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """The sampler prepares."""
        self._sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """The sampler learns how a trial has ended."""
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Pass it on."""
        self._sampler.reseed_rng()

"""Optuna's tree-structured Parzen estimators, which also learn from unfinished trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Tpe(Sampler):
    """Tree-structured Parzen estimators, which consider correlations, running trials, and each
    branch of a conditional space by itself.

    `unfinished` is our own option: measured trials that were pruned or still run count as complete
    at their last value. `n_startup_trials` counts them, too.
    """

    name: ClassVar[str] = "tpe"
    learns_from_others: ClassVar[bool] = True

    n_startup_trials: int = 10
    n_ei_candidates: int = 24
    multivariate: bool = True
    group: bool = True
    constant_liar: bool = True
    unfinished: bool = True
    prior_weight: float | None = None
    consider_prior: bool | None = None
    consider_magic_clip: bool | None = None
    consider_endpoints: bool | None = None
    warn_independent_sampling: bool | None = None

    def build(self, seed: int) -> BaseSampler:
        """Optuna's TPE (Bergstra et al. 2011)."""
        from optuna.samplers import TPESampler

        from sweeps.samplers.wrappers.last_values import LastValues

        sampler = TPESampler(
            seed=seed,
            n_startup_trials=self.n_startup_trials,
            n_ei_candidates=self.n_ei_candidates,
            multivariate=self.multivariate,
            group=self.group,
            constant_liar=self.constant_liar,
            prior_weight=self.prior_weight,
            consider_prior=self.consider_prior,
            consider_magic_clip=self.consider_magic_clip,
            consider_endpoints=self.consider_endpoints,
            warn_independent_sampling=self.warn_independent_sampling,
        )
        return LastValues(sampler) if self.unfinished else sampler


SAMPLER = Tpe()

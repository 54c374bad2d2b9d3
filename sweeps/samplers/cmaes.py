"""Optuna's covariance matrix adaptation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sweeps.samplers.sampler import Sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Cmaes(Sampler):
    """CMA-ES; for numbers and a single metric."""

    name: ClassVar[str] = "cmaes"
    several_metrics: ClassVar[bool] = False
    conditions: ClassVar[bool] = False
    choices: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ("cmaes",)

    x0: dict[str, float] | None = None
    sigma0: float | None = None
    n_startup_trials: int = 1
    consider_pruned_trials: bool = False
    restart_strategy: str | None = None
    popsize: int | None = None
    inc_popsize: int = -1
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False
    warn_independent_sampling: bool = True

    def build(self, seed: int) -> BaseSampler:
        from optuna.samplers import CmaEsSampler

        return CmaEsSampler(
            seed=seed,
            x0=self.x0,
            sigma0=self.sigma0,
            n_startup_trials=self.n_startup_trials,
            consider_pruned_trials=self.consider_pruned_trials,
            restart_strategy=self.restart_strategy,
            popsize=self.popsize,
            inc_popsize=self.inc_popsize,
            use_separable_cma=self.use_separable_cma,
            with_margin=self.with_margin,
            lr_adapt=self.lr_adapt,
            warn_independent_sampling=self.warn_independent_sampling,
        )


SAMPLER = Cmaes()

"""The sampler of one trial, and the values around which it may draw."""

from __future__ import annotations

import hashlib
import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler

from search_spaces import bridge
from sweeps.base.errors import OptionsError
from sweeps.samplers.wrappers.around_priors import AroundPriors, Guesses
from sweeps.samplers.wrappers.best_branches import BestBranches
from sweeps.search import families
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec

OWN_ATTEMPTS = 10
"""Draws of a trial by the sweep's sampler, after which others are by chance: a sampler may have
learned to draw one point above all, and not that it cannot be trained."""


def make_sampler(
    search: SearchSettings, number: int = 0, guesses: Guesses | None = None, attempt: int = 0
) -> BaseSampler:
    """The sampler in the settings, seeded for the `attempt` at trial `number`, with some early
    draws around the `guesses`.

    A trial's draws depend on the sweep's seed, its own number and the study's data, so that an
    interrupted sweep continues as it would have. OptionsError repeats Optuna's reason.
    """
    seed = trial_seed(search.seed, number, attempt)
    if attempt >= OWN_ATTEMPTS:
        return RandomSampler(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            kind = search.sampler_kind.with_options(search.sampler_options)
            sampler = kind.build_for_trial(seed, search.seed)
    except (TypeError, ValueError) as error:
        raise OptionsError(
            f"search.sampler_options {dict(search.sampler_options)} are not valid for "
            f"{search.sampler}: {error}"
        ) from error
    if guesses:
        sampler = AroundPriors(sampler, guesses, seed, number)
    return BestBranches(sampler, families.trunk_of) if search.forks > 1 else sampler


def trial_seed(sweep_seed: int, number: int, attempt: int = 0) -> int:
    """A trial's seed, from the sweep's and its own number: same sweep, same trial, same seed. Each
    further `attempt` at drawing it has its own."""
    again = f"/{attempt}" if attempt else ""
    digest = hashlib.sha256(f"{sweep_seed}/{number}{again}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def guesses(spec: SweepSpec) -> Guesses:
    """The sweep's priors by Optuna's parameter, as far as it has their values. Those of one method
    hold for all trials if no other is searched."""
    one = {} if "method" in spec.space else {"method": None}
    found = {
        parameter: [
            prior.with_changes(**one)
            for prior in spec.priors
            if prior.name == name and domain.contains(prior.value)
        ]
        for parameter, (name, domain) in bridge.parameters(spec.space).items()
    }
    return {parameter: priors for parameter, priors in found.items() if priors}

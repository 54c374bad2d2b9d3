"""Searches of the Tinker Cookbook's table by the product's searcher, with and without a prior."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.priors.fit import PRODUCTS, TERMS, Formula, unseen
from benchmarks.priors.table import Model, models
from benchmarks.replay.clock import Clock
from benchmarks.replay.ours import Ours
from benchmarks.replay.table import METRIC, Table
from results.records.prior import Prior
from sweeps.spec.settings import SearchSettings
from trainables.methods.usual_rate import HIGHEST_RANK

TRIALS = (1, 2, 3, 5)
"""Numbers of trials at which a search is looked at."""

GOOD = 0.01
"""Nats above the table's best run that are good enough."""


def priors_for(model: Model, formula: Formula, off: float = 1.0) -> list[Prior]:
    """What the product would begin at, with a rate that is `off` by a factor."""
    ranks = [rank for _, rank in model.runs if rank <= HIGHEST_RANK]
    rate = math.exp(formula(model, max(ranks))) * off
    rates = [rate for rate, _ in model.runs]
    within = min(max(rate, min(rates)), max(rates))
    return [
        Prior(name="learning_rate", value=within),
        Prior(name="lora.rank", value=max(ranks)),
    ]


def regrets(
    table: Table, sampler: str, seed: int, priors: Sequence[Prior], trials: Sequence[int] = TRIALS
) -> list[float]:
    """Loss above the table's best after so many trials, one at a time."""
    clock = clock_of(table, sampler, seed, priors)
    return [each.loss - table.best for each in clock.replay([float(n) for n in trials])]


def clock_of(table: Table, sampler: str, seed: int, priors: Sequence[Prior]) -> Clock:
    """A search of the table by the product's searcher, one trial after the other."""
    search = SearchSettings(
        metric=METRIC, mode="min", seed=seed, sampler=sampler, early_stopping="none"
    )
    return Clock(table, Ours(table, search, priors=priors), workers=1)


def ways(model: Model) -> Iterator[tuple[str, str, list[Prior]]]:
    """Each way to search the model's runs: its name, sampler and priors. Its family is unseen."""
    formula = unseen(TERMS[PRODUCTS])
    yield "random", "random", []
    yield "TPE", "tpe", []
    yield "TPE, prior", "tpe", priors_for(model, formula)
    yield "TPE, constant as prior", "tpe", priors_for(model, unseen(TERMS["constant"]))
    yield "TPE, prior 30 times too high", "tpe", priors_for(model, formula, 30.0)
    yield "TPE, prior 30 times too low", "tpe", priors_for(model, formula, 1 / 30)


def searched(seeds: range) -> dict[str, NDArray[np.float64]]:
    """The regrets of each way: models x seeds x TRIALS."""
    found: dict[str, list[list[list[float]]]] = {}
    for model in models():
        table = model.table()
        for way, sampler, priors in ways(model):
            each = [regrets(table, sampler, seed, priors) for seed in seeds]
            found.setdefault(way, []).append(each)
    return {way: np.asarray(each) for way, each in found.items()}


def report(seeds: range) -> str:
    """For each way: the share of searches within GOOD of the table's best after so many trials,
    with its 95% interval over models; the share of models on which the median search is, after 5;
    and the mean regret after 5, in thousandths."""
    heads = [f"{trials} trial{'s' * (trials > 1)}" for trials in TRIALS]
    heads += ["models, 5 trials", "regret, 5 trials"]
    lines = [f"| | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    for way, each in searched(seeds).items():
        shares = (each <= GOOD + 1e-9).mean(axis=1)
        after = each[:, :, TRIALS.index(5)]
        cells = [_interval(share) for share in shares.T]
        cells += [f"{(np.median(after, axis=1) <= GOOD + 1e-9).mean():.0%}"]
        cells += [f"{1000 * after[np.isfinite(after)].mean():.1f}"]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _interval(shares: NDArray[np.float64]) -> str:
    draws = np.random.default_rng(0).integers(len(shares), size=(2000, len(shares)))
    low, high = np.percentile(shares[draws].mean(axis=1), (2.5, 97.5))
    return f"{shares.mean():.0%} ({low:.0%}, {high:.0%})"

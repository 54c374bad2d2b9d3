"""The mixed model behind a confirmation: how far means over fresh seeds vary by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Noise:
    """The chance in means over seeds that trials are compared by.

    The difference of two means has the standard error `error * sqrt(2)`, with `freedom` degrees of
    freedom. `seeds` is the standard deviation between seeds, of a trial's value on these examples;
    `examples` is the number of validation examples whose choice is part of the error, 0 if it is
    not.
    """

    error: float
    freedom: float
    seeds: float
    examples: int = 0


def noise(values: Table) -> Noise:
    """The noise of `values` (trials, seeds), each a metric of one trained model.

    The model is y_tk = m_t + s_k + e_tk: the trials m are fixed, the seeds s and what they do to
    one trial, e, are random. s is common to all trials and cancels in differences. Var(e) is the
    mean square of the residuals of the two-way layout, with (T-1)(K-1) degrees of freedom; the
    variance of a mean is Var(e) / K (Searle, Casella and McCulloch 1992, "Variance Components",
    section 4.7). A single trial has no others to compare: its own variance over seeds is used.
    """
    trials, seeds = values.shape
    assert seeds > 1, "a variance needs two seeds"
    if trials == 1:
        own = float(values.var(ddof=1))
        return Noise(math.sqrt(own / seeds), seeds - 1, math.sqrt(own))
    square, freedom = _interaction(values)
    return Noise(math.sqrt(square / seeds), freedom, _spread(values))


def noise_with_examples(values: Table) -> Noise:
    """The noise of `values` (trials, seeds, examples), whose means over examples are the metric.

    The model is y_tki = m_t + s_k + e_i + (ts)_tk + (te)_ti + (se)_ki + r_tki: trials are fixed,
    seeds and examples random and crossed. In differences of trials only ts, te and r remain, so a
    mean's part of their variance is

        Var(ts) / K + Var(te) / n + Var(r) / (K n),

    from the mean squares of the balanced three-way layout: Var(r) = MS(tse), Var(ts) = (MS(ts) -
    MS(tse)) / n and Var(te) = (MS(te) - MS(tse)) / K, at least 0 each. These are the estimates of
    analysis of variance, equal to restricted maximum likelihood (REML) where none is cut at 0
    (Searle, Casella and McCulloch 1992, chapter 4). The degrees of freedom of the sum are
    Satterthwaite's (1946, "An Approximate Distribution of Estimates of Variance Components").
    """
    trials, seeds, examples = values.shape
    if trials == 1 or examples < 2:
        return noise(values.mean(axis=2))
    by_seed, of_seeds = _interaction(values.mean(axis=2))
    by_example, of_examples = _interaction(values.mean(axis=1))
    rest = _rest(values)
    of_rest = float(of_seeds * (examples - 1))
    size = seeds * examples
    # Each of these is a mean square over K n; below the residual, it shows no variance of its own.
    least = rest / size
    parts = (
        (max(by_seed / seeds, least), of_seeds),
        (max(by_example / examples, least), of_examples),
    )
    total = sum(part for part, _ in parts) - least
    spread = _spread(values.mean(axis=2))
    if total <= 0:
        return Noise(0.0, of_seeds, spread, examples)
    doubt = sum(part**2 / freedom for part, freedom in parts) + least**2 / of_rest
    return Noise(math.sqrt(total), total**2 / doubt, spread, examples)


def _interaction(values: Table) -> tuple[float, float]:
    """The mean square and the degrees of freedom of a two-way table's residuals."""
    rows, columns = values.shape
    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    freedom = float((rows - 1) * (columns - 1))
    return float((left**2).sum()) / freedom, freedom


def _rest(values: Table) -> float:
    """The mean square of a three-way table's residuals."""
    trials, seeds, examples = values.shape
    two = {axis: values.mean(axis=axis, keepdims=True) for axis in (0, 1, 2)}
    one = {axis: values.mean(axis=axis, keepdims=True) for axis in ((0, 1), (0, 2), (1, 2))}
    left: Table = values - sum(two.values()) + sum(one.values()) - values.mean()
    freedom = float((trials - 1) * (seeds - 1) * (examples - 1))
    return float(np.square(left).sum()) / freedom


def _spread(values: Table) -> float:
    """The standard deviation between seeds, pooled over the trials."""
    return math.sqrt(float(values.var(axis=1, ddof=1).mean()))

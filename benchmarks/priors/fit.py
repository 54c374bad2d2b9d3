"""Formulas for the best learning rate, fitted by least squares, and judged on families left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.priors.table import Model, models
from trainables.methods.usual_rate import HIGHEST_RANK, usual_rate

Formula = Callable[[Model, int], float]
"""The logarithm of the rate for a model and a rank."""

Terms = Callable[[Model, int], list[float]]

TERMS: Mapping[str, Terms] = {
    "constant": lambda model, rank: [1.0],
    "hidden size": lambda model, rank: [1.0, math.log(model.hidden_size / 4096)],
    "rank": lambda model, rank: [1.0, math.log(rank)],
    "hidden size, rank": lambda model, rank: [
        1.0,
        math.log(model.hidden_size / 4096),
        math.log(rank),
    ],
    "kind, rank": lambda model, rank: [1.0, float(model.kind == "moe"), math.log(rank)],
    "kind, hidden size, rank": lambda model, rank: [
        *(1.0, float(model.kind == "moe")),
        *(math.log(model.hidden_size / 4096), math.log(rank)),
    ],
}
"""What each formula is linear in."""


PRODUCTS = "hidden size, rank"
"""The terms of the product's formula."""


def fitted(terms: Terms, among: Collection[Model]) -> tuple[float, ...]:
    """The coefficients, by least squares; each model counts once, whatever its number of ranks."""
    cells = [(model, rank) for model in among for rank in model.ranks]
    weights = np.asarray([len(model.ranks) ** -0.5 for model, _ in cells])
    left = np.asarray([terms(*cell) for cell in cells]) * weights[:, None]
    right = np.asarray([model.optimum(rank) for model, rank in cells]) * weights
    found, *_ = np.linalg.lstsq(left, right)
    return tuple(map(float, found))


def unseen(terms: Terms) -> Formula:
    """The formula fitted without the family of the model that it is asked for."""
    families = {model.family for model in models()}
    found = {
        family: fitted(terms, [each for each in models() if each.family != family])
        for family in families
    }
    return lambda model, rank: float(np.dot(found[model.family], terms(model, rank)))


def tinkers(model: Model, rank: int) -> float:
    """The cookbook's own formula, which its authors fitted for Qwen and Llama: 5e-4 (2000 / hidden
    size)^p; other families get Qwen's exponent."""
    power = 0.781 if model.family == "Llama" else 0.0775
    return math.log(5e-4) + power * math.log(2000 / model.hidden_size)


def products(model: Model, rank: int) -> float:
    """The formula as the product has it, which has seen all families."""
    rate = usual_rate(model.hidden_size, rank)
    assert rate is not None, "the table is what the formula speaks for"
    return math.log(rate)


@dataclass(frozen=True)
class Errors:
    """Means over families, each the mean of its models: of the factor between rate and optimum, of
    the regret in nats at the same rank, and of the regret at the highest rank below the best of
    all runs; and the share of models for which that is at most 0.01."""

    factor: float
    nats: float
    first: float
    within: float


def errors(formula: Formula) -> Errors:
    """How far the formula is from the optima of all models."""
    seen = [model for model in models() if model.ranks]
    away = _by_family(seen, lambda m, r: abs(formula(m, r) - m.optimum(r)))
    nats = _by_family(seen, lambda m, r: m.regret(r, formula(m, r)))
    firsts = {model.name: _first(model, formula) for model in seen}
    first = _mean_of_families(seen, [firsts[model.name] for model in seen])
    within = sum(regret <= 0.01 for regret in firsts.values()) / len(firsts)
    return Errors(math.exp(away), nats, first, within)


def _first(model: Model, formula: Formula) -> float:
    rank = max(rank for rank in model.ranks if rank <= HIGHEST_RANK)
    return model.regret(rank, formula(model, rank)) + min(model.curve(rank).values()) - model.best


def _by_family(seen: Sequence[Model], error: Callable[[Model, int], float]) -> float:
    each = [float(np.mean([error(model, rank) for rank in model.ranks])) for model in seen]
    return _mean_of_families(seen, each)


def _mean_of_families(seen: Sequence[Model], values: Sequence[float]) -> float:
    families = {model.family for model in seen}
    return float(
        np.mean(
            [
                np.mean([v for m, v in zip(seen, values, strict=True) if m.family == family])
                for family in sorted(families)
            ]
        )
    )


def report() -> str:
    """A table of all formulas, and the coefficients on all families."""
    rows = [
        "| formula | factor | nats, same rank | nats, first point | within 0.01 | coefficients |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, terms in TERMS.items():
        first, *others = fitted(terms, models())
        coefficients = ", ".join([f"{math.exp(first):.2e}", *(f"{each:.3f}" for each in others)])
        rows.append(_row(f"{name}; families left out", errors(unseen(terms)), coefficients))
    rows.append(_row("the cookbook's", errors(tinkers), "for Qwen and Llama"))
    rows.append(_row("the product's, all families seen", errors(products), ""))
    return "\n".join(rows)


def _row(name: str, found: Errors, coefficients: str) -> str:
    return (
        f"| {name} | {found.factor:.2f} | {found.nats:.4f} | {found.first:.4f} "
        f"| {found.within:.0%} | {coefficients} |"
    )

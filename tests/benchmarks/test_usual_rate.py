"""The fit of the usual learning rate to the sweeps of the Tinker Cookbook."""

from __future__ import annotations

import math

import pytest

from benchmarks.priors.fit import PRODUCTS, TERMS, errors, fitted, products, unseen
from benchmarks.priors.table import Model, models
from trainables.methods.usual_rate import usual_rate


def test_the_products_formula_is_the_fitted_one():
    at, by_size, by_rank = fitted(TERMS[PRODUCTS], models())
    for hidden_size, rank in ((896, 16), (2048, 128), (8192, 1)):
        rate = math.exp(at + by_size * math.log(hidden_size / 4096) + by_rank * math.log(rank))
        assert usual_rate(hidden_size, rank) == pytest.approx(rate, rel=0.02)


def test_on_unseen_families_it_is_no_worse_than_simpler_ones_and_the_cookbooks():
    ours = errors(unseen(TERMS[PRODUCTS]))
    for simpler in ("constant", "hidden size", "rank"):
        others = errors(unseen(TERMS[simpler]))
        assert ours.factor < others.factor
        assert ours.nats < others.nats + 1e-4
    assert errors(products).factor < ours.factor


def test_an_optimum_is_the_vertex_of_a_parabola():
    def loss(rate: float) -> float:
        return 1 + 0.1 * (math.log(rate) - math.log(2e-4)) ** 2

    runs = {(rate, 4): loss(rate) for rate in (4e-5, 1e-4, 3e-4, 1e-3)}
    model = Model("a", "b", "dense", 4096, {**runs, (3e-3, 4): math.inf})
    assert math.exp(model.optimum(4)) == pytest.approx(2e-4)
    assert model.regret(4, math.log(1e-4)) == pytest.approx(loss(1e-4) - loss(3e-4))


def test_the_table_is_whole():
    assert len(models()) == 35
    assert sum(len(model.runs) for model in models()) == 590
    assert {model.name: model.best for model in models()}["meta-llama/Llama-3.2-1B"] == 0.7763

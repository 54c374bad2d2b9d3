from __future__ import annotations

import math

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.study._multi_objective import _fast_non_domination_rank

from results.ranking.pareto import dominates, layers

# Few values, so that ties in one metric, in all of them, and gaps are common.
value = st.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan, math.inf])
modes = st.lists(st.sampled_from(["min", "max"]), min_size=1, max_size=3)


@st.composite
def problems(draw):
    directions = draw(modes)
    point = st.tuples(*[value] * len(directions))
    return draw(st.lists(point, max_size=14)), directions


def beats(one, other, directions) -> bool:
    """By the definition, metric by metric."""
    pairs = list(zip(one, other, directions, strict=True))
    worse = any(a > b if mode == "min" else a < b for a, b, mode in pairs)
    better = any(a < b if mode == "min" else a > b for a, b, mode in pairs)
    return better and not worse


@given(problems())
def test_layers_are_those_of_brute_force(problem):
    points, directions = problem
    left = {i for i, point in enumerate(points) if all(map(math.isfinite, point))}
    peeled = []
    while left:
        best = {i for i in left if not any(beats(points[j], points[i], directions) for j in left)}
        peeled.append(best)
        left -= best
    assert [set(layer) for layer in layers(points, directions)] == peeled


@given(problems())
def test_layers_are_those_of_optuna(problem):
    points, directions = problem
    finite = [point for point in points if all(map(math.isfinite, point))]
    study = optuna.create_study(directions=[f"{mode}imize" for mode in directions])
    study.add_trials([optuna.trial.create_trial(values=list(point)) for point in finite])
    found = list(layers(finite, directions))
    front = [finite[i] for i in found[0]] if found else []
    assert sorted(front) == sorted(tuple(trial.values) for trial in _best(study))
    ours = {i: depth for depth, layer in enumerate(found) for i in layer}
    signs = [1.0 if mode == "min" else -1.0 for mode in directions]
    costs = [[sign * x for sign, x in zip(signs, point, strict=True)] for point in finite]
    theirs = _fast_non_domination_rank(_array(costs)).tolist() if costs else []
    assert [ours[i] for i in range(len(finite))] == theirs


def _best(study):
    """Optuna's front of one direction holds all equals, as ours does."""
    if len(study.directions) > 1:
        return study.best_trials
    trials = study.get_trials()
    if not trials:
        return []
    return [trial for trial in trials if trial.value == study.best_value]


def _array(costs):
    import numpy as np

    return np.asarray(costs, dtype=float)


def test_a_layer_is_in_the_order_of_the_first_metric():
    points = [(3.0, 1.0), (1.0, 3.0), (2.0, 2.0), (2.0, 2.0)]
    assert list(layers(points, ["min", "min"])) == [[1, 2, 3, 0]]
    assert list(layers(points, ["max", "max"])) == [[0, 2, 3, 1]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_no_number_is_nowhere_and_hides_nobody(bad):
    assert list(layers([(bad, 0.0), (1.0, bad), (5.0, 5.0)], ["min", "min"])) == [[2]]
    assert list(layers([(bad, bad)], ["min", "max"])) == []


def test_an_equal_does_not_dominate():
    assert not dominates((1.0, 2.0), (1.0, 2.0), ["min", "min"])
    assert dominates((1.0, 2.0), (1.0, 3.0), ["min", "min"])
    assert not dominates((1.0, 2.0), (1.0, 3.0), ["min", "max"])

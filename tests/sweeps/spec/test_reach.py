from __future__ import annotations

import itertools
import time

import pytest

from search_spaces.space import Space
from search_spaces.values import identity
from sweeps.spec import reach
from sweeps.spec.reach import reachable


def keys(points) -> set:
    return {identity(tuple(sorted(point.items()))) for point in points}


CONDITIONED = {
    "method": {"choice": ["lora", "prefix", "full"]},
    "lora.rank": {"int": [1, 5], "when": {"method": "lora"}},
    "lora.dora": {"choice": [False, True], "when": {"lora.rank": [1, 2]}},
    "gradient_checkpointing": {"choice": [True, False], "when": {"method": ["lora", "full"]}},
    "schedule": {"choice": ["wsd", "cosine"]},
}


@pytest.mark.parametrize(
    "names",
    [
        ["method"],
        ["lora.dora"],
        ["gradient_checkpointing", "lora.dora"],
        ["lora.dora", "method", "schedule"],
        list(CONDITIONED),
    ],
)
def test_it_is_what_the_whole_grid_says_of_these_names(names):
    space = Space.parse(CONDITIONED)
    points = reachable(space, names)
    grid = [{name: p[name] for name in names if name in p} for p in space.grid()]
    assert keys(points) == keys(grid)
    assert len(points) == len(keys(points))


def test_the_ends_of_a_range_and_what_others_wait_for_stand_for_all_of_it():
    space = Space.parse(
        {
            "learning_rate": {"log_uniform": [1e-5, 1e-3]},
            "lora.rank": {"int": [1, 1_000_000]},
            "lora.dora": {"choice": [True], "when": {"lora.rank": [7]}},
        }
    )
    assert reachable(space, ["learning_rate"]) == [{"learning_rate": 1e-5}, {"learning_rate": 1e-3}]
    assert keys(reachable(space, ["lora.dora"])) == keys([{}, {"lora.dora": True}])


def test_of_none_of_the_names_there_is_one_empty_point():
    assert reachable(Space.parse(CONDITIONED), ["seed"]) == [{}]


def test_many_parents_cost_nothing_once_their_children_are_known():
    tree = {f"parent{n}": {"choice": list(range(9))} for n in range(30)}
    tree |= {f"child{n}": {"choice": [1], "when": {f"parent{n}": 3}} for n in range(30)}
    points = reachable(Space.parse(tree), [f"child{n}" for n in range(8)])
    assert len(points) == 2**8


def test_of_too_many_combinations_every_pair_is_there_and_the_rest_at_its_first(monkeypatch):
    monkeypatch.setattr(reach, "LIMIT", 100)
    names = [f"name{n}" for n in range(6)]
    tree = {name: {"choice": ["a", "b", "c"]} for name in names}
    tree["name5"] = {"choice": ["a", "b", "c"], "when": {"name0": "b"}}
    began = time.process_time()
    points = reachable(Space.parse(tree), names)
    assert time.process_time() - began < 5
    assert len(points) < 100
    for one, other in itertools.combinations(names[:5], 2):
        for values in itertools.product("abc", repeat=2):
            wanted = dict(zip((one, other), values, strict=True))
            assert any(
                all(
                    point[n] == wanted.get(n, "a") or (n == "name0" and "name5" in point)
                    for n in names[:5]
                )
                for point in points
            )
    assert {(p["name0"], p["name5"]) for p in points if "name5" in p} == {
        ("b", value) for value in "abc"
    }

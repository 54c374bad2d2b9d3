"""What a space says about its points."""

import itertools
import pickle
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from space_examples import EVERY_KIND, NESTED, parse
from space_strategies import few_values, spaces

from search_spaces.dimension import Branch, Dimension
from search_spaces.domains import Int
from search_spaces.problem import SpaceError
from search_spaces.space import Space
from search_spaces.values import identity


def test_names_keep_the_order_of_the_file():
    assert parse(EVERY_KIND).names == tuple(yaml.safe_load(EVERY_KIND))


def test_a_space_survives_the_way_between_processes():
    space = parse(EVERY_KIND)
    assert pickle.loads(pickle.dumps(space)) == space


def test_a_space_built_in_python_is_checked_too():
    with pytest.raises(SpaceError, match="x: when names y, which is not in the space"):
        Space({"x": Dimension((Branch(Int(1, 2), {"y": (1,)}),))})


def test_parents_come_first_whatever_the_order_of_the_file():
    assert parse(NESTED).parents_first == ("schedule", "wsd.decay_fraction", "wsd.shape")
    assert parse("{b: {int: [1, 2]}, a: {int: [1, 2]}}").parents_first == ("b", "a")


@pytest.mark.parametrize(
    ("params", "active"),
    [
        ({"schedule": "cosine"}, ("schedule",)),
        ({"schedule": "wsd"}, ("wsd.decay_fraction", "schedule")),
        ({"schedule": "wsd", "wsd.decay_fraction": 0.1}, ("wsd.decay_fraction", "schedule")),
        (
            {"schedule": "wsd", "wsd.decay_fraction": 0.1 + 0.2},
            ("wsd.shape", "wsd.decay_fraction", "schedule"),
        ),
        # The condition on the grandparent fails, whatever the parent says.
        ({"schedule": "cosine", "wsd.decay_fraction": 0.2}, ("schedule",)),
        ({}, ("schedule",)),
        ({"schedule": "polynomial"}, ("schedule",)),
    ],
)
def test_active_follows_nested_conditions(params, active):
    assert parse(NESTED).active(params) == active


def test_all_conditions_must_hold_and_any_of_their_values():
    space = parse(EVERY_KIND)
    rest = {"lora.target_modules": "all-linear"}
    for schedule, rank in itertools.product(("cosine", "wsd", "linear"), (4, 8)):
        active = space.active({"schedule": schedule, "lora.rank": rank, **rest})
        assert ("floor_fraction" in active) == (schedule in ("wsd", "linear") and rank == 8)


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"schedule": "cosine"}, []),
        ({"schedule": "wsd", "wsd.decay_fraction": 0.1}, []),
        (
            {"schedule": "wsd", "wsd.decay_fraction": 0.2},
            ["wsd.shape: is missing; it takes choice [sqrt, linear]"],
        ),
        (
            {"schedule": "cosine", "wsd.decay_fraction": 0.1},
            ["wsd.decay_fraction: exists only with schedule wsd; leave it out"],
        ),
        (
            {"schedul": "wsd"},
            [
                "schedul: is not in the space; did you mean schedule?",
                "schedule: is missing; it takes choice [cosine, wsd]",
            ],
        ),
        # Nothing is said about what hangs on a faulty value, except that it is faulty itself.
        (
            {"schedule": "wds", "wsd.decay_fraction": 7},
            [
                "wsd.decay_fraction: 7 is not in quantized [0.1, 0.3, 0.1]",
                "schedule: wds is not in choice [cosine, wsd]",
            ],
        ),
    ],
)
def test_explain_says_why_a_point_does_not_fit(params, problems):
    space = parse(NESTED)
    assert list(map(str, space.explain(params))) == problems
    assert space.contains(params) == (not problems)


def test_a_partial_point_may_leave_values_out_but_not_get_them_wrong():
    space = parse(NESTED)
    assert space.explain({"wsd.decay_fraction": 0.2}, partial=True) == []
    assert len(space.explain({"wsd.decay_fraction": 0.5}, partial=True)) == 1
    assert len(space.explain({"schedule": "cosine", "wsd.shape": "sqrt"}, partial=True)) == 1


def test_a_point_is_read_as_yaml_writes_it():
    space = parse(EVERY_KIND)
    text = "{lora.target_modules: [q_proj, v_proj], learning_rate: 2e-4, lora.rank: 8.0}"
    point = space.parse_point(yaml.safe_load(text), partial=True)
    assert point == {
        "learning_rate": 2e-4,
        "lora.rank": 8,
        "lora.target_modules": ("q_proj", "v_proj"),
    }
    with pytest.raises(SpaceError, match="batch_size: is missing; it takes log_int"):
        space.parse_point(yaml.safe_load(text))
    with pytest.raises(SpaceError, match="point: is 3, not a mapping"):
        space.parse_point(3)


def test_conditions_may_spell_a_value_differently_from_the_parent():
    space = parse(
        """
        drop: {quantized: [0.0, 0.3, 0.1]}
        rank: {int: [4, 8], when: {drop: 0.30000000000000004}}
        alpha: {int: [1, 2], when: {rank: 8.0}}
        """
    )
    assert [branch.when for branch in space["rank"].branches] == [{"drop": (0.3,)}]
    assert [branch.when for branch in space["alpha"].branches] == [{"rank": (8,)}]
    assert space.active({"drop": 0.3, "rank": 8}) == ("drop", "rank", "alpha")


def test_grid_leaves_inactive_names_out_and_keeps_the_order():
    assert list(parse(NESTED).grid()[-1]) == ["wsd.shape", "wsd.decay_fraction", "schedule"]
    assert parse(NESTED).grid() == [
        {"schedule": "cosine"},
        {"schedule": "wsd", "wsd.decay_fraction": 0.1},
        {"schedule": "wsd", "wsd.decay_fraction": 0.2, "wsd.shape": "sqrt"},
        {"schedule": "wsd", "wsd.decay_fraction": 0.2, "wsd.shape": "linear"},
        {"schedule": "wsd", "wsd.decay_fraction": 0.3, "wsd.shape": "sqrt"},
        {"schedule": "wsd", "wsd.decay_fraction": 0.3, "wsd.shape": "linear"},
    ]
    assert parse("{a: {int: [1, 2]}, b: {choice: [x, y]}}").grid() == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def thinned(space, params):
    """`params` without the names that no branch gives, taken off until nothing changes."""
    while True:
        kept = {name: value for name, value in params.items() if holding(space, params, name)}
        if kept == params:
            return kept
        params = kept


def holding(space, params, name):
    return [
        branch
        for branch in space[name].branches
        if all(
            parent in params and identity(params[parent]) in map(identity, accepted)
            for parent, accepted in branch.when.items()
        )
    ]


def frozen(point):
    return frozenset((name, identity(value)) for name, value in point.items())


@settings(max_examples=50, deadline=None)
@given(spaces(of=few_values))
def test_grid_is_every_assignment_once_by_brute_force(space):
    values = itertools.product(
        *(
            {identity(v): v for domain in each.domains for v in domain.grid()}.values()
            for each in space.values()
        )
    )
    points = [thinned(space, dict(zip(space, row, strict=True))) for row in values]
    every = [
        point
        for point in points
        if all(
            identity(value) in map(identity, holding(space, point, name)[0].domain.grid())
            for name, value in point.items()
        )
    ]
    grid = space.grid()
    assert set(map(frozen, grid)) == set(map(frozen, every))
    assert len(grid) == len(set(map(frozen, grid)))
    assert all(space.contains(point) for point in grid)


def test_a_grid_names_every_continuous_dimension():
    with pytest.raises(SpaceError) as caught:
        parse(EVERY_KIND).grid()
    assert [problem.place for problem in caught.value.problems] == [
        "wsd.decay_fraction",
        "learning_rate",
        "optimizer.weight_decay",
    ]
    assert "give it a step, or use choice" in str(caught.value)


def test_an_unreasonable_grid_is_refused_without_building_it():
    with pytest.raises(SpaceError, match="b: the grid reaches 1,000,000,000 points here"):
        parse("{a: {int: [1, 10]}, b: {int: [1, 100000000]}}").grid()


def test_spaces_are_read_without_heavy_imports():
    heavy = "optuna", "torch", "ray", "mlflow", "pandas", "numpy"
    code = (
        "import sys, search_spaces.space, search_spaces.presets\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The shipped presets, and a user's entries over them."""

from pathlib import Path

import pytest
import yaml

from search_spaces import presets
from search_spaces.problem import SpaceError
from search_spaces.space import Space

SHIPPED = sorted(path.stem for path in Path(presets.__file__).parent.glob("presets/*.yaml"))


def test_presets_are_found():
    assert {"lora", "full"} <= set(SHIPPED)
    assert list(presets.names()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_preset_is_a_space_whose_first_points_fit(name):
    preset = presets.load(name)
    space = Space.parse(preset.space)
    assert len(preset.first_points) >= 2
    assert [space.explain(point) for point in preset.first_points if space.explain(point)] == []
    assert presets.fitting(preset.first_points, space) == list(preset.first_points)
    assert preset.name == name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_presets_file_says_from_which_literature_it_comes(name):
    file = Path(presets.__file__).parent / "presets" / f"{name}.yaml"
    assert "et al. 20" in yaml.safe_load(file.read_text())["about"]


def test_loras_rates_are_ten_times_those_of_full_fine_tuning():
    lora, full = (presets.load(name) for name in ("lora", "full"))
    assert (lora.method, full.method) == ("lora", "full")
    low, high = (
        [point["learning_rate"] for point in preset.first_points] for preset in (full, lora)
    )
    assert [10 * rate for rate in low] == pytest.approx(high)
    # One of the points is for small models.
    assert max(high) >= 1e-3


def test_an_unknown_preset_leads_to_the_known_ones():
    with pytest.raises(SpaceError, match="preset: there is no preset 'lroa'; did you mean lora"):
        presets.load("lroa")
    with pytest.raises(SpaceError, match="known: full, lora, methods, qlora"):
        presets.load("../zzz")


TREE = {
    "learning_rate": {"log_uniform": ["1e-5", 1e-3]},
    "schedule": {"choice": ["cosine", "wsd", "linear"]},
    "wsd.decay_fraction": {"uniform": [0.1, 0.5], "when": {"schedule": "wsd"}},
    "floor_fraction": {"choice": [0.0, 0.1], "when": {"schedule": ["wsd", "linear"]}},
    "wsd.shape": {"choice": ["a", "b"], "when": {"floor_fraction": 0.1}},
}


def test_a_users_entry_replaces_the_presets_and_new_ones_follow():
    user = {"lora.rank": {"choice": [4, 8]}, "learning_rate": {"log_uniform": [1e-4, 1e-3]}}
    merged = presets.overlay(TREE, user)
    assert merged == {**TREE, **user}
    assert list(merged) == [*TREE, "lora.rank"]
    assert presets.overlay(TREE, {}) == TREE


@pytest.mark.parametrize(
    ("user", "fixed", "left"),
    [
        # Nothing of the preset may make the user's own choice a mistake.
        ({"schedule": {"choice": ["cosine"]}}, {}, {"learning_rate", "schedule"}),
        ({"schedule": None}, {}, {"learning_rate"}),
        ({}, {"schedule": "cosine"}, {"learning_rate"}),
        ({}, {"schedule": "linear"}, {"learning_rate", "floor_fraction", "wsd.shape"}),
        ({"floor_fraction": {"choice": [0.0]}}, {}, set(TREE) - {"wsd.shape"}),
        ({}, {"learning_rate": 1e-4}, set(TREE) - {"learning_rate"}),
    ],
)
def test_entries_that_can_no_longer_happen_are_dropped(user, fixed, left):
    merged = presets.overlay(TREE, user, fixed)
    assert set(merged) == left
    assert set(Space.parse(merged)) == left


def test_conditions_are_narrowed_to_what_can_still_happen():
    merged = presets.overlay(TREE, {"schedule": {"choice": ["cosine", "linear"]}})
    assert conditions(merged, "floor_fraction") == [{"schedule": ("linear",)}]
    always = presets.overlay(TREE, {}, {"schedule": "linear"})
    assert conditions(always, "floor_fraction") == [{}]


def conditions(tree, name):
    return [branch.when for branch in Space.parse(tree)[name].branches]


def test_of_several_branches_those_that_can_happen_stay():
    tree = presets.load("methods").space
    two = presets.overlay(tree, {"method": {"choice": ["full", "lora"]}})
    assert conditions(two, "learning_rate") == [{"method": ("full",)}, {"method": ("lora",)}]
    fixed = presets.overlay(tree, {}, {"method": "prompt"})
    assert fixed["learning_rate"] == {"log_uniform": [1.0e-3, 1.0e-1]}
    assert "lora.rank" not in fixed


def test_first_points_of_another_branch_are_left_out():
    preset = presets.load("methods")
    assert preset.points_under({}) == list(preset.first_points)
    assert [point["method"] for point in preset.points_under({"method": "lora"})] == ["lora"]
    # The schedule decides no branch, so what another schedule's point says still helps.
    assert preset.points_under({"schedule": "linear"}) == list(preset.first_points)


def test_the_methods_preset_tries_each_method_first():
    preset = presets.load("methods")
    methods = preset.space["method"]["choice"]
    assert sorted(point["method"] for point in preset.first_points) == sorted(methods)


def test_a_users_mistakes_are_left_for_the_parser_to_name():
    user = {"schedule": {"chioce": ["wsd"]}, "lora.rank": None, "x": {"int": [1, 2], "when": 3}}
    merged = presets.overlay(TREE, user)
    assert set(merged) == {*TREE, *user}
    with pytest.raises(SpaceError) as caught:
        Space.parse(merged)
    assert [problem.place for problem in caught.value.problems] == ["schedule", "lora.rank", "x"]


def test_overlay_leaves_its_arguments_alone():
    before = yaml.safe_dump(TREE)
    presets.overlay(TREE, {"schedule": {"choice": ["linear"]}}, {"learning_rate": 1})
    assert yaml.safe_dump(TREE) == before


def test_first_points_are_trimmed_or_dropped_to_fit():
    space = Space.parse(
        {
            "learning_rate": {"log_uniform": [1e-5, 1e-3]},
            "schedule": {"choice": ["cosine", "wsd"]},
            "wsd.decay_fraction": {"uniform": [0.1, 0.5], "when": {"schedule": "wsd"}},
            "optimizer.weight_decay": {"uniform": [0.0, 0.1]},
        }
    )
    points = [
        {"learning_rate": 1e-4, "schedule": "cosine", "lora.rank": 8},  # rank is not searched
        {"learning_rate": 1e-4, "schedule": "cosine", "lora.rank": 16},  # then the same again
        {"learning_rate": 5e-3, "schedule": "cosine"},  # outside
        {"learning_rate": 2e-4, "schedule": "cosine", "wsd.decay_fraction": 0.2},  # inactive
        {"lora.rank": 16},  # nothing left
        {"learning_rate": 3e-4, "wsd.decay_fraction": 0.3},  # the schedule is left to the sampler
        {"learning_rate": 3e-4, "schedule": "wsd", "wsd.decay_fraction": 0.2},
    ]
    assert presets.fitting(points, space) == [
        {"learning_rate": 1e-4, "schedule": "cosine"},
        {"learning_rate": 2e-4, "schedule": "cosine"},
        {"learning_rate": 3e-4, "wsd.decay_fraction": 0.3},
        {"learning_rate": 3e-4, "schedule": "wsd", "wsd.decay_fraction": 0.2},
    ]

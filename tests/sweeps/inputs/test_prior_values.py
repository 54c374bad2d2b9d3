"""The values that a sweep begins at: the user's, or by a formula of the model's width."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from spec_samples import sft_tree

from sweeps.inputs.priors import primed
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource

LORA = {"learning_rate": {"log_uniform": [1e-5, 1e-2]}, "lora.rank": {"choice": [4, 16, 64, 256]}}


def begun(tmp_path, config=None, search=None, **changes):
    """The first points and the line about them, for a model with this config.json."""
    model = tmp_path / "model"
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text(json.dumps(config or {"hidden_size": 896}))
    tree = {"method": "lora", "space": LORA, "search": {"prior": "auto", **(search or {})}}
    tree = {name: value for name, value in {**tree, **changes}.items() if value is not None}
    spec = SweepSpec.parse(sft_tree(tmp_path, **tree))
    prepared = SimpleNamespace(inputs=SimpleNamespace(model=ModelSource(str(model))))
    spec, line = primed(spec, prepared)
    return [dict(point) for point in spec.first_points], line


def test_lora_begins_at_the_highest_rank_of_the_formula_and_its_rate(tmp_path):
    points, line = begun(tmp_path)
    rate = 2.0e-4 * (896 / 4096) ** -0.22 * 64**0.24
    (point,) = points
    assert point == {"learning_rate": pytest.approx(rate, rel=0.05), "lora.rank": 64}
    assert line == (
        "Prior: the search begins at learning_rate 0.00076 and lora.rank 64 (by the formula for a "
        "model of hidden size 896)."
    )


def test_a_rank_that_is_not_searched_is_the_trials_own(tmp_path):
    space = {"learning_rate": LORA["learning_rate"]}
    ((point,), _), ((higher,), _) = (
        begun(tmp_path, space=space),
        begun(tmp_path, space=space, lora={"rank": 64}),
    )
    assert higher["learning_rate"] / point["learning_rate"] == pytest.approx(4**0.24, rel=0.05)


def test_full_fine_tuning_begins_at_a_tenth(tmp_path):
    space = {"learning_rate": {"log_uniform": [1e-6, 1e-2]}}
    ((full,), _), ((lora,), _) = (
        begun(tmp_path, space=space, method="full"),
        begun(tmp_path, space=space),
    )
    assert lora["learning_rate"] / full["learning_rate"] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    "config", [{"text_config": {"hidden_size": 4096}}, {"n_embd": 4096}, {"d_model": 4096}]
)
def test_the_width_is_found_under_its_other_names(tmp_path, config):
    assert begun(tmp_path, config) == begun(tmp_path, {"hidden_size": 4096})
    assert "hidden size 4,096" in begun(tmp_path, config)[1]


def test_options_of_a_rate_are_taken_if_they_are_near(tmp_path):
    space = {"learning_rate": {"choice": [1e-4, 1e-3, 1e-2]}}
    assert begun(tmp_path, space=space)[0] == [{"learning_rate": 1e-3}]
    assert begun(tmp_path, space={"learning_rate": {"choice": [1e-5, 1e-2]}}) == ([], "")


def test_searched_methods_have_a_point_each_as_far_as_they_are_known(tmp_path):
    space = {
        "method": {"choice": ["full", "lora", "prefix"]},
        "learning_rate": [
            {"log_uniform": [1e-6, 1e-3], "when": {"method": "full"}},
            {"log_uniform": [1e-5, 1e-1], "when": {"method": ["lora", "prefix"]}},
        ],
        "lora.rank": {"int": [1, 32], "when": {"method": "lora"}},
    }
    points, line = begun(tmp_path, space=space, method=None)
    assert [point["method"] for point in points] == ["full", "lora"]
    assert ["lora.rank" in point for point in points] == [False, True]
    assert "; method lora with learning_rate 0.00064 and lora.rank 32 (" in line


@pytest.mark.parametrize(
    "changes",
    [
        {"search": {"prior": "none"}},
        {"search": {"warm_start": ["earlier"]}},
        {"config": {"hidden_size": 64}},
        {"config": {"hidden_size": 32768}},
        {"config": {"layers": 3}},
        {"method": "prefix", "space": {"learning_rate": LORA["learning_rate"]}},
        {"lora": {"alpha": 16}},
        {"lora": {"rslora": True}},
        {"space": {**LORA, "lora.alpha": {"choice": [16, 32]}}},
        {"space": {**LORA, "optimizer.name": {"choice": ["adamw", "lion"]}}},
        {"optimizer": {"name": "lion"}},
        {"objective": "clm"},
        {"space": {"lora.rank": LORA["lora.rank"]}},
        {"space": {"learning_rate": {"log_uniform": [1e-6, 1e-4]}}},
    ],
    ids=str,
)
def test_where_nothing_is_known_the_search_begins_as_ever(tmp_path, changes):
    assert begun(tmp_path, **changes) == ([], "")


def test_the_users_own_values_hold_for_any_model_and_name(tmp_path):
    given = {"learning_rate": 2e-4, "lora.rank": 4}
    points, line = begun(tmp_path, {"hidden_size": 64}, {"prior": given}, objective="clm")
    assert points == [given]
    assert line == (
        "Prior: the search begins at learning_rate 0.0002 and lora.rank 4 (search.prior)."
    )


def test_what_is_tried_before_the_priors_is_said(tmp_path):
    first = {"learning_rate": 1e-3}
    given = {"prior": {"learning_rate": 2e-4}, "first_points": [first], "warm_start": ["a"]}
    points, line = begun(tmp_path, search=given)
    assert points == [first, given["prior"]]
    assert line == (
        "Prior: after the points of search.first_points and search.warm_start, the search tries "
        "learning_rate 0.0002 (search.prior)."
    )

"""Spaces of a million combinations: few are planned, and those that need most are among them."""

from __future__ import annotations

from spec_samples import sft_tree

from sweeps.planning.combinations import MOST, combinations_of, distinct
from sweeps.planning.edits import MICRO, Edits
from sweeps.spec.spec import SweepSpec

LARGE = {
    "method": {"choice": ["lora", "adapter", "full"]},
    "lora.rank": {"int": [1, 900], "when": {"method": "lora"}},
    "lora.dropout": {"choice": [0.0, 0.1], "when": {"method": "lora"}},
    "adapter.size": {"int": [1, 64], "when": {"method": "adapter"}},
    "batch_size": {"int": [1, 512]},
    "micro_batch_size": {"int": [1, 64]},
    "gradient_checkpointing": {"choice": [True, False]},
    "optimizer.name": {"choice": ["adamw", "sgd", "adafactor"]},
}


def spec_of(tmp_path, space):
    return SweepSpec.parse(sft_tree(tmp_path, space=space))


def test_a_large_space_is_planned_by_few_combinations_with_the_largest_among_them(tmp_path):
    spec = spec_of(tmp_path, LARGE)
    found = distinct(spec, 1)
    assert 10 < len(found) <= 2 * MOST
    configs = [each.config for each in found]
    assert max(each.lora.rank for each in configs if each.method == "lora") == 900
    assert {each.method for each in configs} == {"lora", "adapter", "full"}


def test_each_value_of_a_thinned_range_has_a_planned_one_above_it(tmp_path):
    spec = spec_of(
        tmp_path, {"lora.rank": {"int": [1, 900]}, "lora.dropout": {"choice": [0.0, 0.1]}}
    )
    points = combinations_of(spec)
    assert len(points) <= MOST
    for rank in (1, 2, 5, 30, 400, 899, 900):
        params = {"lora.rank": rank, "lora.dropout": 0.1}
        above = [p["lora.rank"] for p in points if p["lora.rank"] >= rank]
        assert min(above) <= 3 * rank + 1, "not much above it"
        assert Edits((), points, 1).of(params, spec.trial.with_params(params)) is None
        assert all(MICRO in point for point in points)


def test_a_small_space_is_planned_whole(tmp_path):
    spec = spec_of(tmp_path, {"lora.rank": {"int": [1, 100]}})
    assert [point["lora.rank"] for point in combinations_of(spec)] == [*range(1, 101)]

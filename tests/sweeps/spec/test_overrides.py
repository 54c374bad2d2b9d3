"""An override of one way to say a thing takes the place of the file's other way."""

from __future__ import annotations

import pytest
import yaml
from spec_samples import sft_tree

from sweeps.spec.spec import SpecError, SweepSpec
from sweeps.sweep import Sweep


def loaded(tmp_path, overrides, name=None, **fields):
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(sft_tree(tmp_path, **fields)))
    return SweepSpec.load(file, overrides, name)


@pytest.mark.parametrize("had", ["steps", "tokens", "epochs"])
@pytest.mark.parametrize("wanted", ["steps", "tokens", "epochs"])
@pytest.mark.parametrize("dotted", [False, True])
def test_a_budget_in_another_unit(tmp_path, had, wanted, dotted):
    budget = {"budget": {"trials": 4, had: 3}}
    if dotted:
        budget = {"budget": {"trials": 4}, f"budget.{had}": 3}
    found = loaded(tmp_path, [f"budget.{wanted}=7"], **budget).trial.budget
    others = {"steps", "tokens", "epochs"} - {wanted}
    assert getattr(found, wanted) == 7 and not any(getattr(found, name) for name in others)


def test_null_takes_no_place(tmp_path):
    found = loaded(tmp_path, ["budget.steps=null"], budget={"trials": 4, "epochs": 3})
    assert found.trial.budget.epochs == 3


def test_two_overrides_that_exclude_each_other_are_refused(tmp_path):
    with pytest.raises(SpecError, match="steps and epochs are both set; keep one"):
        loaded(tmp_path, ["budget.steps=7", "budget.epochs=2"])


def test_one_metric_in_place_of_a_front_and_back(tmp_path):
    front = {"metrics": {"eval_loss": "min", "eval_exact_match": "max"}}
    one = loaded(tmp_path, ["search.metric=eval_exact_match"], search=front).search
    assert one.goals == {"eval_exact_match": "max"}
    metrics = "search.metrics={eval_loss: min, eval_exact_match: max}"
    search = {"metric": "eval_loss", "mode": "min"}
    assert loaded(tmp_path, [metrics], search=search).search.goals == front["metrics"]


def test_a_number_of_slots_in_place_of_a_limit_and_back(tmp_path):
    assert loaded(tmp_path, ["slots.count=2"], slots={"max": 8, "gpus": 1}).slots.count == 2
    limited = loaded(tmp_path, ["slots.max=8"], slots={"count": 2, "gpus": 1}).slots
    assert (limited.count, limited.max) == ("auto", 8)


def test_changes_in_python_do_the_same(tmp_path):
    sweep = Sweep.from_dict(sft_tree(tmp_path, budget={"trials": 4, "epochs": 3}))
    found = sweep.with_changes({"budget.steps": 7}).spec.trial.budget
    assert (found.steps, found.epochs) == (7, None)


def test_null_leaves_a_mapping_unset(tmp_path):
    (tmp_path / "judge").mkdir()
    rl = {"rewards": {"eval_ended": 1.0}, "reward_model": str(tmp_path / "judge")}
    found = loaded(tmp_path, ["rl.rewards=null", "metrics=null"], objective="grpo", rl=rl).trial
    assert found.rl.rewards == {"eval_reward_model": 1.0} and found.metrics == {}


def test_a_mistake_names_the_changes_beside_the_file(tmp_path):
    with pytest.raises(SpecError, match=r"\.yaml with --set budget\.trials: 1 problem\n"):
        loaded(tmp_path, ["budget.trials=0"])
    with pytest.raises(SpecError, match=r"\.yaml: 1 problem\n"):
        loaded(tmp_path, [], budget={"trials": 0})
    for overrides, named in ([], ""), (["budget.trials=3"], "--set budget.trials and "):
        with pytest.raises(SpecError, match=rf"\.yaml with {named}--name: 1 problem\n  name: "):
            loaded(tmp_path, overrides, name="no name")


def test_a_name_that_is_none_of_the_mistakes_is_not_named(tmp_path):
    with pytest.raises(SpecError, match=r"a\.yaml with --set budget\.trials: 1 problem\n  budget"):
        loaded(tmp_path, ["budget.trials=-4"], name="fine")

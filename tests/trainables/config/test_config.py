from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from trainables.config.budget import TrialBudget
from trainables.config.searchable import NOT_SEARCHABLE
from trainables.config.trial import TrialConfig, field_names
from trainables.metrics.registry import METRICS, metrics_of
from trainables.objectives.registry import OBJECTIVES

SFT = TrialConfig(model="m", data={"train": "rows.json"})
TOY = TrialConfig(model="toy", objective="toy")

LIGHT_MODULES = (
    "config.trial",
    "config.combinations",
    "core.evaluation",
    "board.board",
    "slots.slot_size",
    "slots.toy",
    "training.schedules",
    "training.plan",
    "training.inputs",
)
HEAVY_MODULES = ("torch", "ray", "mlflow", "transformers", "optuna", "pandas", "peft", "accelerate")


def test_changed_params_make_a_new_config_and_leave_the_old_one_alone():
    before = SFT.model_dump()
    changed = SFT.with_params({"learning_rate": 0.01, "lora.rank": 4, "optimizer.beta2": 0.95})
    assert (changed.learning_rate, changed.lora.rank, changed.optimizer.beta2) == (0.01, 4, 0.95)
    assert changed.lora.alpha == SFT.lora.alpha, "the part's other fields stay"
    assert SFT.model_dump() == before


def test_a_changed_config_shares_no_mutable_value_with_its_params():
    modules = ["q_proj"]
    changed = SFT.with_params({"lora.target_modules": modules})
    modules.append("v_proj")
    assert changed.lora.target_modules == ("q_proj",)


def test_a_part_that_is_unset_is_made_when_a_field_of_it_is_set():
    assert SFT.deepspeed is None
    assert SFT.with_params({"deepspeed.zero_stage": 3}).deepspeed.zero_stage == 3


def test_params_of_a_config_are_its_own_values_again():
    changed = SFT.with_params({"budget.epochs": 2.5, "lora.rank": 3, "schedule": "wsd"})
    assert TrialConfig.model_validate(changed.model_dump(mode="json")) == changed
    assert changed.flat()["lora.rank"] == 3 and changed.flat()["budget.epochs"] == 2.5
    assert changed.with_params({}) == changed


@pytest.mark.parametrize(
    ("name", "measure"), [("steps", 7), ("tokens", 7000), ("epochs", 3.0)], ids=str
)
def test_the_measure_of_a_budget_that_named_none_can_be_chosen(name, measure):
    budget = TOY.with_params({f"budget.{name}": measure}).budget
    given = {each: getattr(budget, each) for each in ("steps", "tokens", "epochs")}
    assert given == {"steps": None, "tokens": None, "epochs": None, name: measure}


@pytest.mark.parametrize(
    "name", ["learning_rat", "lora.rnak", "lora.rank.deeper", "nobody.knows", "learning_rate.x"]
)
def test_an_unknown_field_is_refused(name):
    with pytest.raises(ValidationError):
        SFT.with_params({name: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("batch_size", 0),
        ("lora.rank", 2.5),
        ("lora.dropout", 1.0),
        ("schedule", "triangle"),
        ("warmup_fraction", 1.5),
        ("warmup_fraction", float("nan")),
        ("optimizer.weight_decay", float("nan")),
        ("optimizer.max_grad_norm", float("nan")),
        ("deepspeed.zero_stage", 4),
        ("data.validation", 1.0),
        ("budget.epochs", float("inf")),
        ("seed", -1),
        ("data.seed", -1),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValidationError, match=name):
        SFT.with_params({name: value})


def test_a_config_cannot_be_changed_in_place():
    with pytest.raises(ValidationError, match="frozen"):
        SFT.lora.rank = 1


def test_values_that_do_not_fit_together_are_refused_with_the_way_out():
    with pytest.raises(ValidationError, match="objective sft needs data; add data"):
        TrialConfig(model="m")
    with pytest.raises(ValidationError, match=r"0\.5 \+ wsd\.decay_fraction 0\.6 .* lower one"):
        SFT.with_params({"schedule": "wsd", "warmup_fraction": 0.5, "wsd.decay_fraction": 0.6})
    with pytest.raises(ValidationError, match="steps and tokens are both set; keep one"):
        TrialBudget(steps=3, tokens=4)


def test_a_budget_without_a_measure_is_one_epoch():
    assert TrialBudget().epochs == 1.0
    assert TrialBudget(steps=3).epochs is None


def test_the_names_of_metrics_and_of_fields_that_stay_still_exist():
    paths = [name.split(".") for name in field_names()]
    parts = {".".join(path[:end]) for path in paths for end in range(1, len(path))}
    assert set(NOT_SEARCHABLE) <= {*field_names(), *parts}


def test_each_objective_measures_its_loss_and_each_metric_is_of_objectives_that_there_are():
    assert all(metrics_of(name)[0] == "eval_loss" for name in OBJECTIVES)
    assert {name for metric in METRICS.values() for name in metric.objectives} == set(OBJECTIVES)


def test_field_names_are_the_names_that_a_config_shows():
    full = SFT.with_params({"deepspeed.zero_stage": 1, "model_revision": "v1", "budget.steps": 3})
    assert set(full.flat()) <= set(field_names())
    assert {"lora.rank", "data.max_length", "budget.evaluations"} <= set(full.flat())


def test_the_examples_that_are_measured_are_shown_though_no_answers_are_written():
    part = SFT.with_params({"evaluation.examples": 200, "evaluation.prompts": 5})
    assert part.flat()["evaluation.examples"] == 200
    for config in (SFT, part):
        assert "evaluation.prompts" not in config.flat(), "which are for answers"
    assert "evaluation.examples" not in SFT.flat(), "all of them"
    asked = SFT.with_params({"evaluation.metrics": ["eval_exact_match"]}).flat()
    assert (asked["evaluation.examples"], asked["evaluation.prompts"]) == ("all", 200)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"learning_rate": 1e-3, "lora.target_modules": ["q_proj"], "model_revision": None},
        {"method": "freeze", "freeze.last_blocks": 1, "optimizer.name": "lion"},
        {"schedule": "wsd", "wsd.decay_fraction": 0.3},
    ],
)
def test_a_combination_is_shown_as_the_trial_that_it_would_be(params):
    assert SFT.flat_with(params) == SFT.with_params(params).flat()


def test_a_refused_combination_is_shown_too():
    drawn = {"schedule": "wsd", "wsd.decay_fraction": 0.9, "warmup_fraction": 0.9}
    with pytest.raises(ValidationError):
        SFT.with_params(drawn)
    assert SFT.flat_with(drawn) == {**SFT.with_params({"schedule": "wsd"}).flat(), **drawn}


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_a_light_module_imports_nothing_heavy(module):
    found = _imported(f"trainables.{module}", HEAVY_MODULES)
    assert found == []


def _imported(module: str, watched: tuple[str, ...]) -> list[str]:
    code = f"import sys, {module}; print(*(m for m in {watched!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()

"""Every recipe is a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sweeps.doctor.precision import fields_of
from sweeps.spec.spec import SweepSpec
from trainables.methods.registry import METHODS
from trainables.metrics.registry import GENERATED
from trainables.objectives.registry import OBJECTIVES

RECIPES = sorted((Path(__file__).parents[3] / "sweeps" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_a_sweep_but_for_the_users_own_files(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in (
        "alpaca.jsonl",
        "corpus.txt",
        "general.txt",
        "labelled.csv",
        "pairs.jsonl",
        "judged.jsonl",
        "questions.jsonl",
        "documents",
    ):
        (tmp_path / "data" / name).write_text("x")
    (tmp_path / "arithmetic" / "start").mkdir(parents=True)
    for name in ("train.jsonl", "asked.jsonl"):
        (tmp_path / "arithmetic" / name).write_text("x")
    assert SweepSpec.load(recipe).trials > 0


def test_the_last_step_of_the_chain_is_guarded_and_needs_no_right_answers():
    """Files of preferences have none."""
    tree = yaml.safe_load(next(r for r in RECIPES if r.stem == "align-3-ppo").read_text())
    judge, rewards = tree["rl"]["held_out"], tree["rl"]["rewards"]
    assert GENERATED[judge].alone and judge not in rewards
    assert all(GENERATED[name].alone for name in rewards if name in GENERATED)
    assert tree["data"]["general"]


def test_there_are_recipes():
    named = {"quickstart", "toy", "toy-front", "qwen-0.5b-lora", "llama-8b-lora"}
    assert named <= {recipe.stem for recipe in RECIPES}
    loaded = [yaml.safe_load(recipe.read_text()) for recipe in RECIPES]
    spaces = [each["space"] for each in loaded if isinstance(each["space"], dict)]
    searched = {m for each in spaces for m in each.get("method", {}).get("choice", ())}
    assert set(METHODS) <= {each.get("method") for each in loaded} | searched
    assert set(OBJECTIVES) <= {each.get("objective") for each in loaded}


def test_recipes_with_everything_built_in_ask_for_no_precision_that_a_cpu_may_emulate():
    trees = {recipe: yaml.safe_load(recipe.read_text()) for recipe in RECIPES}
    on_cpus = [r for r, tree in trees.items() if tree["model"].startswith(("builtin:", "toy"))]
    assert {recipe.stem for recipe in on_cpus} == {"quickstart", "toy", "forks", "toy-front"}
    assert [fields_of(SweepSpec.load(recipe)) for recipe in on_cpus] == [[]] * 4

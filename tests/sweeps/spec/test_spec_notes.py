"""What a spec may not mean is pointed out."""

from __future__ import annotations

import pytest
from spec_samples import sft_tree, toy_tree

from sweeps.spec.notes import notes
from sweeps.spec.spec import SweepSpec


def test_a_budget_in_steps_with_a_searched_batch_size_is_pointed_out():
    space = {"batch_size": {"choice": [8, 16]}}
    steps = {"trials": 2, "steps": 10}
    assert any(
        "tokens or epochs" in note
        for note in notes(SweepSpec.parse(toy_tree(space=space, budget=steps)))
    )
    assert not notes(SweepSpec.parse(toy_tree(space=space, budget={"trials": 2, "evaluations": 4})))


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"method": "full"}, "lora.rank: searched, but no trial reads it (method full"),
        ({"method": "full"}, "of preset lora are made for method lora, but the trials use full"),
        (
            {"schedule": "cosine", "space": {"wsd.decay_fraction": {"uniform": [0.1, 0.2]}}},
            "wsd.decay_fraction: searched, but no trial reads it",
        ),
        (
            {
                "space": {
                    "method": {"choice": ["lora", "full"]},
                    "learning_rate": {"log_uniform": [1e-4, 1e-3], "when": {"method": "lora"}},
                }
            },
            "learning_rate is 0.0002 in all trials of method full.",
        ),
        ({"search": {"sampler": "cmaes"}}, "cmaes draws lora.rank, "),
        (
            {"search": {"mode": "max"}},
            "eval_loss is searched for its maximum, although its minimum is",
        ),
        ({"search": {"sampler": "nsga2"}}, "nsga2 draws wsd.decay_fraction at random"),
        ({"search": {"sampler": "nsga2"}}, "nsga2 draws its first 50 trials at random"),
        (
            {
                "search": {"metrics": {"eval_loss": "min", "eval_token_accuracy": "max"}},
                "method": "full",
            },
            "with method full each of them is a whole model",
        ),
        (
            {"objective": "dpo", "space": {"dpo.beta": {"log_uniform": [0.01, 0.5]}}},
            "dpo.beta is searched, and eval_loss scales with it",
        ),
    ],
)
def test_a_search_that_does_not_do_what_it_seems_to_is_pointed_out(change, remark, tmp_path):
    (tmp_path / "data.jsonl").write_text("x")
    tree = {
        "name": "real",
        "model": "org/model",
        "data": {"train": str(tmp_path / "data.jsonl")},
        "budget": {"trials": 4},
        "space": {"preset": "lora", "lora.dropout": None},
        **change,
    }
    assert any(remark in note for note in notes(SweepSpec.parse(tree)))
    assert not notes(SweepSpec.parse({**tree, "method": "lora", "space": "lora", "search": {}}))


def test_a_fixed_setting_that_no_trial_reads_is_pointed_out(tmp_path):
    spec = SweepSpec.parse(sft_tree(tmp_path, prefix={"virtual_tokens": 8}))
    assert notes(spec) == [
        "prefix.virtual_tokens: set, but no trial reads it (method lora, objective sft, schedule "
        "cosine, optimizer.name adamw)."
    ]
    assert notes(SweepSpec.parse(sft_tree(tmp_path, lora={"rank": 8}))) == []


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (
            {"optimizer": {"name": "sgd", "beta1": 0.5, "epsilon": 1e-6}},
            "optimizer.epsilon: set, but no trial reads it (method lora, objective sft, schedule "
            "cosine, optimizer.name sgd).",
        ),
        (
            {"schedule": "constant", "floor_fraction": 0.1},
            "floor_fraction: set, but no trial reads it (method lora, objective sft, schedule "
            "constant, optimizer.name adamw).",
        ),
        (
            {"batch_ramp": {"fraction": 0.5}},
            "batch_ramp.fraction has no effect with batch_ramp.start_fraction 1: nothing grows.",
        ),
    ],
)
def test_so_are_constants_that_an_optimizer_or_a_schedule_or_a_batch_lacks(
    tmp_path, change, remark
):
    assert notes(SweepSpec.parse(sft_tree(tmp_path, **change))) == [remark]


def test_constants_that_some_trials_read_are_not_pointed_out(tmp_path):
    space = {
        "optimizer.name": {"choice": ["sgd", "adamw"]},
        "optimizer.beta2": {"uniform": [0.9, 0.99]},
        "schedule": {"choice": ["constant", "cosine"]},
        "floor_fraction": {"choice": [0.0, 0.1]},
        "batch_ramp.start_fraction": {"choice": [0.25, 1.0]},
        "batch_ramp.fraction": {"choice": [0.1, 0.2]},
    }
    assert not notes(SweepSpec.parse(sft_tree(tmp_path, space=space)))


def test_more_evaluations_than_steps_are_pointed_out(tmp_path):
    few = sft_tree(tmp_path, budget={"trials": 2, "steps": 4, "evaluations": 9})
    assert notes(SweepSpec.parse(few)) == [
        "budget.evaluations 9 is more than budget.steps 4, and a step is measured only once; raise "
        "budget.steps, or lower budget.evaluations."
    ]
    enough = sft_tree(tmp_path, budget={"trials": 2, "steps": 4, "evaluations": 4})
    assert notes(SweepSpec.parse(enough)) == []


def test_a_space_with_fewer_combinations_than_trials_is_said_with_both_numbers():
    space = {
        "schedule": {"choice": ["cosine", "wsd"]},
        "wsd.decay_fraction": {"choice": [0.1, 0.2], "when": {"schedule": "wsd"}},
    }
    spec = SweepSpec.parse(toy_tree(space=space, budget={"trials": 20, "evaluations": 1}))
    (note,) = [each for each in notes(spec) if "combinations" in each]
    assert "3 combinations, fewer than budget.trials 20" in note
    assert "ends after 3 trials" in note
    enough = SweepSpec.parse(toy_tree(space=space, budget={"trials": 3, "evaluations": 1}))
    assert not any("combinations" in each for each in notes(enough))


@pytest.mark.parametrize(
    ("patience", "of_trial", "said"),
    [
        (6, None, "budget.patience 6 has no effect: the sweep has 6 trials"),
        (5, None, ""),
        (None, 3, "search.trial_patience 3 has no effect with budget.evaluations 4: "),
        (None, 2, ""),
    ],
)
def test_patience_that_can_never_act_is_pointed_out(patience, of_trial, said):
    budget = {"trials": 6, "evaluations": 4, "patience": patience}
    search = {"early_stopping": "none", "trial_patience": of_trial}
    found = notes(SweepSpec.parse(toy_tree(budget=budget, search=search)))
    found = [each for each in found if "patience" in each]
    assert len(found) == bool(said) and all(each.startswith(said) for each in found)

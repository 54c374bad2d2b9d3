"""Sweeps of reinforcement learning: what they are judged by, and what is refused."""

from __future__ import annotations

import pytest

from sweeps.planning.combinations import distinct
from sweeps.spec.notes import notes
from sweeps.spec.spec import SpecError, SweepSpec


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("x")
    (tmp_path / "own.py").write_text("def mine(*_): ...")


def tree(**fields):
    return {
        "name": "rl",
        "model": "org/model",
        "objective": "grpo",
        "data": {"train": "rows.jsonl"},
        "rl": {"rewards": {"eval_exact_match": 1.0, "eval_repeats": -0.2}},
        "budget": {"trials": 4, "epochs": 1, "evaluations": 4},
        "space": {"learning_rate": {"log_uniform": [1e-6, 1e-4]}},
        **fields,
    }


def problems(**fields):
    with pytest.raises(SpecError) as error:
        SweepSpec.parse(tree(**fields))
    return str(error.value)


@pytest.mark.parametrize("objective", ["grpo", "rloo", "ppo"])
def test_the_reward_is_searched_unless_another_metric_is_named(objective):
    spec = SweepSpec.parse(tree(objective=objective))
    assert spec.search.metric == "eval_reward" and spec.search.direction == "max"
    named = SweepSpec.parse(tree(search={"metric": "eval_exact_match"}))
    assert named.search.metric == "eval_exact_match"


def test_answers_are_written_at_every_evaluation_with_all_that_is_rewarded():
    settings = SweepSpec.parse(tree()).trial.evaluation
    assert settings.generate_at == "every"
    assert {*settings.metrics} == {
        *("eval_exact_match", "eval_repeats", "eval_answer_tokens", "eval_ended")
    }


def test_a_front_of_reward_and_distance():
    search = {"metrics": {"eval_reward": None, "eval_kl": None}}
    assert SweepSpec.parse(tree(search=search)).search.goals == {
        "eval_reward": "max",
        "eval_kl": "min",
    }


def test_what_the_issue_searches_can_be_searched():
    space = {
        "learning_rate": {"log_uniform": [1e-6, 1e-4]},
        "rl.beta": {"log_uniform": [1e-3, 1e-1]},
        "rl.group_size": {"choice": [4, 8]},
        "rl.temperature": {"uniform": [0.7, 1.2]},
        "rl.clip": {"uniform": [0.1, 0.3]},
        "rl.epochs": {"choice": [1, 2]},
        "batch_size": {"choice": [8, 16]},
        "lora.rank": {"choice": [8, 16]},
        "grpo.scale": {"choice": ["group", "none"]},
    }
    assert set(SweepSpec.parse(tree(space=space)).space) == set(space)


def test_what_ppo_has_of_its_own_can_be_searched_and_needs_no_groups():
    space = {
        "rl.group_size": {"choice": [1, 4]},
        "ppo.gamma": {"choice": [1.0, 0.99]},
        "ppo.lambda": {"uniform": [0.9, 1.0]},
        "ppo.value_weight": {"log_uniform": [0.01, 1.0]},
        "ppo.value_clip": {"choice": [0.2, None]},
        "ppo.value_trains": {"choice": ["head", "model"]},
        "ppo.value_learning_rate_ratio": {"log_uniform": [1, 100]},
    }
    spec = SweepSpec.parse(tree(objective="ppo", space=space))
    assert set(spec.space) == set(space)
    changed = spec.trial.with_params({"ppo.lambda": 0.9})
    assert changed.flat()["ppo.lambda"] == 0.9


def test_a_searched_field_of_another_objective_is_said_to_do_nothing():
    space = {"ppo.lambda": {"uniform": [0.9, 1.0]}, "rl.beta": {"uniform": [0.0, 0.1]}}
    assert any("ppo.lambda" in said for said in notes(SweepSpec.parse(tree(space=space))))


def test_micro_batches_are_planned_of_answers():
    """Of batch_size 2 with groups of 1 and 8: micro-batches of 2 and of 8, not of 2 alone."""
    space = {"rl.group_size": {"choice": [1, 8]}}
    spec = SweepSpec.parse(tree(objective="ppo", batch_size=2, micro_batch_size=8, space=space))
    assert sorted(each.micro_batch for each in distinct(spec, 1)) == [2, 8]


def test_an_own_metric_is_a_reward_with_consent():
    own = {"mine": {"python": "own.py:mine", "mode": "max"}}
    rl = {"rewards": {"eval_mine": 1.0}}
    spec = SweepSpec.parse(tree(rl=rl, metrics=own, trust_metric_code=True))
    assert "eval_mine" in spec.trial.evaluation.metrics
    assert "trust_metric_code" in problems(rl=rl, metrics=own)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rl": {}}, "rl.rewards: is missing"),
        ({"rl": {"rewards": {"exact_match": 1}}}, "did you mean eval_exact_match"),
        ({"rl": {"rewards": {"eval_loss": 1}}}, "not a metric of generated answers"),
        ({"rl": {"rewards": {"eval_answer_seconds": -1}}}, "differs from run to run"),
        ({"rl": {"rewards": {"eval_ended": 0}}}, "not a weight"),
        ({"rl": {"rewards": {"eval_ended": 1}, "group_size": 1}}, "1 is not a group"),
        ({"rl": {"rewards": {"eval_ended": 1}, "beta": -0.1}}, "rl.beta: -0.1"),
        ({"budget": {"trials": 2, "tokens": 10_000}}, "use budget.epochs"),
        ({"batch_ramp": {"start_fraction": 0.5}}, "batch_ramp"),
        ({"data": {"train": "rows.jsonl", "packing": True}}, "data.packing"),
        ({"method": "none"}, "trains nothing"),
        ({"space": {"rl.group_size": {"choice": [1, 4]}}}, "1 is not a group"),
        ({"evaluation": {"generate_at": "end"}}, "use every"),
        ({"ppo": {"lambda": 0.9}}, "ppo: objective grpo does not read it; it is for ppo"),
        ({"objective": "ppo", "grpo": {"scale": "none"}}, "grpo: objective ppo does not read it"),
        ({"objective": "sft"}, "rl: objective sft does not read it; it is for grpo or ppo or rloo"),
        ({"objective": "ppo", "ppo": {"gamma": 1.1}}, "ppo.gamma: 1.1"),
        ({"objective": "ppo", "ppo": {"lambda": -0.1}}, "ppo.lambda: -0.1"),
        ({"objective": "ppo", "ppo": {"value_clip": 0}}, "ppo.value_clip: 0"),
        ({"objective": "ppo", "ppo": {"value_weight": -1}}, "ppo.value_weight: -1"),
        ({"objective": "ppo", "ppo": {"value_trains": "both"}}, "ppo.value_trains"),
        ({"objective": "ppo", "ppo": {"whiten": 1}}, "ppo.whiten"),
        ({"objective": "ppo", "rl": {}}, "rl.rewards: is missing"),
    ],
)
def test_refused_when_the_spec_is_read(fields, said):
    assert said in problems(**fields)


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        (
            {"eval_mine": 1.0},
            "eval_mine has weight 1, which rewards large values, although its min",
        ),
        ({"eval_mine": -1.0}, None),
        ({"eval_repeats": 0.5}, "eval_repeats has weight 0.5, which rewards large values"),
        ({"eval_ended": -1.0}, "eval_ended has weight -1, which rewards small values, although"),
        ({"eval_ended": 1.0, "eval_answer_tokens": -0.01}, None),
    ],
)
def test_a_reward_against_its_metrics_own_direction_is_said(rewards, said):
    own = {"mine": {"python": "own.py:mine", "mode": "min"}}
    spec = SweepSpec.parse(tree(rl={"rewards": rewards}, metrics=own, trust_metric_code=True))
    found = [each for each in notes(spec) if each.startswith("rl.rewards")]
    assert len(found) == (said is not None) and (said or "") in "".join(found)


def held_out(judge: str, **fields):
    return {"rl": {"rewards": {"eval_ended": 1.0}, "held_out": judge}, **fields}


def test_a_held_out_judge_is_measured():
    found = SweepSpec.parse(tree(**held_out("eval_rouge_l"))).trial
    assert "eval_rouge_l" in found.evaluation.metrics
    model = SweepSpec.parse(tree(**held_out("sweep:other"))).trial
    assert "eval_held_out" in model.evaluation.metrics and "eval_held_out" in model.measures


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            held_out("eval_rouge_l", search={"metric": "eval_rouge_l"}),
            "search.metric: eval_rouge_l is held out by rl.held_out",
        ),
        (
            held_out("org/judge", search={"metric": "eval_reward - eval_held_out"}),
            "search.metric: eval_held_out is held out by rl.held_out",
        ),
        (
            held_out(
                "org/judge", search={"metrics": {"eval_reward": "max", "eval_held_out": "max"}}
            ),
            "search.metrics.eval_held_out: eval_held_out is held out",
        ),
        (
            {"rl": {"reward_model": "sweep:a", "held_out": "sweep:a"}},
            "sweep:a is rl.reward_model, which it is to judge",
        ),
        (held_out("eval_ended"), "rl.held_out: eval_ended is a part of the reward, in rl.rewards"),
        (held_out("eval_rogue_l"), "rl.held_out: 'eval_rogue_l' is not a metric of generated"),
    ],
)
def test_a_held_out_judge_is_neither_searched_by_nor_rewarded(fields, message):
    assert message in problems(**fields)


def test_forgetting_can_be_measured_but_nothing_is_replayed():
    data = {"train": "rows.jsonl", "general": "rows.jsonl"}
    assert "eval_general_loss" in SweepSpec.parse(tree(data=data)).trial.measures
    mixed = {"train": "rows.jsonl", "mix": {"train": "rows.jsonl"}}
    assert "data.mix: works with objectives clm and sft, not with grpo" in problems(data=mixed)

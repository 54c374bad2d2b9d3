"""What a reward cannot be measured of is refused before any GPU: by inspect, plan and launch."""

from __future__ import annotations

import pytest
import yaml
from data_samples import tiny_tokenizer, write_lines
from reward_models import make_reward_model
from rollout_training import make_asked
from typer.testing import CliRunner

from sweeps.base.errors import SweepError
from sweeps.cli.app import app
from sweeps.inputs.prepare import checked_inputs
from sweeps.spec.spec import SweepSpec


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_asked(tmp_path_factory.mktemp("judged"))


def tree(folder, model=None, tokens=8, **fields):
    return {
        "name": "judged",
        "model": str(folder / "model"),
        "objective": "grpo",
        "precision": "fp32",
        "data": {"train": f"{folder}/train.jsonl", "validation": f"{folder}/ask.jsonl"},
        "budget": {"trials": 1, "steps": 4, "evaluations": 2},
        "rl": {"reward_model": str(model)} if model else {"rewards": {"eval_exact_match": 1.0}},
        "evaluation": {"max_new_tokens": tokens},
        "space": {"learning_rate": {"choice": [1e-2, 3e-3]}},
        **fields,
    }


def checked(folder, judge, tokens):
    return checked_inputs(SweepSpec.parse(tree(folder, judge, tokens)), folder / "cache")


def test_a_reward_models_context_is_compared_with_prompts_and_answers(folder, tmp_path):
    judge = make_reward_model(tmp_path / "short", max_position_embeddings=80)
    checked(folder, judge, 8)
    with pytest.raises(SweepError) as refused:
        checked(folder, judge, 38)
    said = str(refused.value)
    assert said.startswith("rl.reward_model: the longest prompt with an answer of evaluation.")
    assert "its context is 80; lower evaluation.max_new_tokens to " in said
    room = int(said.partition("max_new_tokens to ")[2].partition(",")[0])
    checked(folder, judge, room)
    with pytest.raises(SweepError):
        checked(folder, judge, room + 1)


def test_tokens_of_another_tokenizer_are_counted_by_its_own(folder, tmp_path):
    judge = make_reward_model(tmp_path / "other", max_position_embeddings=80)
    tokenizer = tiny_tokenizer(chat_template=None)
    tokenizer.add_tokens(["never seen"])
    tokenizer.save_pretrained(judge)
    with pytest.raises(SweepError, match=r"has about .* of its tokens, and its context is 80"):
        checked(folder, judge, 60)


@pytest.mark.parametrize("verb", ["inspect", "plan", "doctor"])
@pytest.mark.parametrize("objective", ["grpo", "sft"])
def test_each_command_refuses_a_reward_model_as_the_model_to_train(
    folder, tmp_path, verb, objective
):
    judge = make_reward_model(tmp_path / "judge")
    made = tree(folder, objective=objective) | {"model": str(judge)}
    if objective == "sft":
        del made["rl"]
    (tmp_path / "g.yaml").write_text(yaml.safe_dump(made))
    done = CliRunner().invoke(app, [verb, str(tmp_path / "g.yaml"), "--home", str(tmp_path / "h")])
    said = " ".join(done.output.split())
    assert done.exit_code != 0 and "has a head in place of the vocabulary" in said, said


@pytest.mark.parametrize("verb", ["inspect", "plan"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["evaluation.max_new_tokens=6000"], "evaluation.max_new_tokens 6,000: the longest of"),
        (["data.train=bare.jsonl"], "rl.rewards: eval_exact_match needs right answers, and"),
        (
            ["data.train=mixed.jsonl", "data.validation=0.1"],
            "eval_exact_match needs right answers, and 150 of 300 prompts of mixed.jsonl have none "
            "(the first: line 2)",
        ),
        (
            ["data.train=bare.jsonl", "rl.rewards={eval_ended: 1}", "search.metric=eval_loss"],
            "search.metric: eval_loss needs right answers, and 9 of 9 prompts of bare.jsonl",
        ),
        (
            ["data.train=bare.jsonl", "rl.rewards={eval_ended: 1}", "rl.held_out=eval_rouge_l"],
            "rl.held_out: eval_rouge_l needs right answers",
        ),
    ],
)
def test_inspect_and_plan_refuse_what_a_launch_would(
    folder, tmp_path, monkeypatch, verb, changes, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.jsonl").write_text('{"prompt": "add 1 and 2"}\n' * 9)
    asked = [{"messages": [{"role": "user", "content": f"add {n} and 2"}]} for n in range(300)]
    for row in asked[::2]:
        row["messages"].append({"role": "assistant", "content": "3"})
    write_lines(tmp_path / "mixed.jsonl", asked)
    (tmp_path / "g.yaml").write_text(yaml.safe_dump(tree(folder)))
    options = [word for change in changes for word in ("--set", change)]
    done = CliRunner().invoke(app, [verb, "g.yaml", "--home", str(folder / "home"), *options])
    assert done.exit_code == 2 and message in " ".join(done.output.split()), done.output


REASONED = [
    {"prompt": f"add {n} and 2", "completion": f"We add {n} and 2.\n#### {n + 2}"}
    for n in range(40)
]


def remarks_of(folder, tmp_path, rewards, rows=REASONED, **fields):
    write_lines(tmp_path / "rows.jsonl", rows)
    data = {"train": f"{tmp_path}/rows.jsonl", "validation": 0.25}
    made = tree(folder, data=data, rl={"rewards": rewards}, **fields)
    return " ".join(checked_inputs(SweepSpec.parse(made), tmp_path / "cache").remarks)


def test_answers_with_reasoning_are_noted_where_they_are_compared_whole(folder, tmp_path):
    said = remarks_of(folder, tmp_path, {"eval_exact_match": 1.0})
    assert "rl.rewards: eval_exact_match compares with the whole of a right answer" in said
    assert "10 of 10 have reasoning before ####" in said and "eval_answer_equality compares" in said
    metrics = {"max_new_tokens": 8, "metrics": ["eval_contains"]}
    said = remarks_of(folder, tmp_path, {"eval_answer_equality": 1.0}, evaluation=metrics)
    assert "evaluation.metrics: eval_contains" in said and "eval_exact_match" not in said


def test_answers_without_reasoning_are_not_noted(folder, tmp_path):
    rows = [{**row, "completion": row["completion"].partition("\n")[2]} for row in REASONED]
    assert "whole" not in remarks_of(folder, tmp_path, {"eval_exact_match": 1.0}, rows)
    assert "whole" not in remarks_of(folder, tmp_path, {"eval_answer_equality": 1.0})

"""Prompts without answers: enough for rewards that look at the answer alone."""

from __future__ import annotations

import json
import math

import pytest
import tiny_training as tiny
from data_samples import write_lines
from rollout_training import make_asked, rl_trial

from sweeps.base.errors import SweepError
from sweeps.inputs.prompt_checks import check_prompts
from sweeps.spec.spec import SweepSpec
from trainables.core.data_error import DataError
from trainables.core.evaluation import Ending
from trainables.data.tokens.prompts import Prompts
from trainables.training.inputs import prepare_inputs
from trainables.training.workshop import Workshop

QUESTIONS = [f"{'please ' * (n % 5)}add {n} and {n % 7}" for n in range(40)]

FORMS = {
    "instruction": lambda asked: {"instruction": asked},
    "prompt": lambda asked: {"prompt": asked},
    "question": lambda asked: {"question": asked, "level": 3},
    "turns": lambda asked: {"prompt": [{"role": "user", "content": asked}]},
    "messages": lambda asked: {"messages": [{"role": "user", "content": asked}]},
    "pair": lambda asked: {"prompt": asked, "chosen": "yes", "rejected": "no"},
    "judged": lambda asked: {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "no"}],
        "label": False,
    },
    "sharegpt": lambda asked: {"conversations": [{"from": "human", "value": asked}]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = make_asked(tmp_path_factory.mktemp("unanswered"))
    for name, form in FORMS.items():
        write_lines(made / f"{name}.jsonl", [form(asked) for asked in QUESTIONS])
    return made


def bare(folder, form="prompt", **params):
    files = {"data__train": f"{folder}/{form}.jsonl", "data__validation": 0.25}
    return rl_trial(folder, **files, **params)


@pytest.mark.parametrize("form", FORMS)
def test_prompts_of_any_form_are_those_of_chats_with_answers(folder, form):
    inputs = prepare_inputs(bare(folder, form), folder / "cache").inputs
    whole = rl_trial(folder, data__validation=0.25)
    found = [Prompts(inputs.train), Prompts(inputs.validation)]
    known = {}
    for place in (prepare_inputs(whole, folder / "cache").inputs,):
        for prompts in (Prompts(place.train), Prompts(place.validation)):
            known |= {prompts[n].question: prompts[n].tokens.tolist() for n in range(len(prompts))}
    asked = [prompts[n] for prompts in found for n in range(len(prompts))]
    assert sorted(each.question for each in asked) == sorted(QUESTIONS)
    assert all(each.references == () for each in asked)
    assert all(each.tokens.tolist() == known[each.question] for each in asked)
    assert not any(prompts.answered for prompts in found)


def test_a_trial_learns_without_a_loss_of_answers(folder, tmp_path):
    config = bare(folder)
    prepared = prepare_inputs(config, folder / "cache")
    assert "10 of 10 validation prompts have no answer, so their loss is not measured" in (
        prepared.description
    )
    workshop = Workshop(prepared.inputs)
    base = workshop.measure_base(config, answers=tmp_path / "base").metrics
    watcher = tiny.Watcher(tmp_path)
    outcome = workshop.train(config, watcher)
    assert outcome.ending is Ending.COMPLETE, outcome.error
    last = watcher.seen[-1].metrics
    assert "eval_loss" not in base and "eval_loss" not in last
    assert math.isfinite(last["eval_reward"]) and math.isfinite(last["eval_kl"])
    sample = json.loads((tmp_path / "base" / "samples.jsonl").read_text().splitlines()[0])
    assert (sample["reference"], sample["references"]) == ("", [])


def test_references_alone_are_answers(folder, tmp_path):
    rows = [{"prompt": asked, "references": ["3", "three"]} for asked in QUESTIONS]
    write_lines(tmp_path / "known.jsonl", rows)
    columns = {"references": "references"}
    config = bare(folder, data__columns=columns).with_params(
        {"data.train": str(tmp_path / "known.jsonl")}
    )
    prompts = Prompts(prepare_inputs(config, tmp_path / "cache").inputs.train)
    assert prompts.answered
    assert prompts[0].references == ("3", "three")


@pytest.mark.parametrize(
    ("rl", "search", "said"),
    [
        (
            {"rewards": {"eval_exact_match": 1.0}},
            {},
            "rl.rewards: eval_exact_match needs right answers, and .* use what needs none: rl.rew",
        ),
        (
            {"rewards": {"eval_ended": 1.0}},
            {"metric": "eval_loss"},
            r"search.metric: eval_loss needs right answers.*, or set search.metric: eval_reward$",
        ),
    ],
)
def test_what_needs_right_answers_says_so_before_training(folder, rl, search, said):
    tree = {
        "name": "bare",
        "model": str(folder / "model"),
        "objective": "grpo",
        "precision": "fp32",
        "data": {"train": f"{folder}/prompt.jsonl", "validation": 0.25},
        "budget": {"trials": 1, "steps": 4, "evaluations": 2},
        "rl": rl,
        "evaluation": {"max_new_tokens": 8},
        "search": search,
        "space": {"learning_rate": {"choice": [1e-2, 3e-3]}},
    }
    spec = SweepSpec.parse(tree)
    prepared = prepare_inputs(spec.trial, folder / "cache")
    with pytest.raises(SweepError, match=f"^{said}"):
        check_prompts(spec, prepared)


def test_sft_still_wants_answers(folder):
    config = bare(folder).with_params({"objective": "sft", "evaluation": {}})
    with pytest.raises(DataError, match=r"holds prompts without answers .*objective: grpo"):
        prepare_inputs(config, folder / "cache")

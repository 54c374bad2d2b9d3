"""Generated answers in a sweep file: what is added by itself, and what is refused."""

from __future__ import annotations

import chat_training as chats
import pytest

from sweeps.spec.notes import notes
from sweeps.spec.spec import SpecError, SweepSpec


def spec(folder, search=None, **fields):
    (folder / "chats.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    tree = {
        "name": "asked",
        "model": "builtin:pydoc",
        "data": {"train": str(folder / "chats.jsonl")},
        "budget": {"trials": 4, "evaluations": 4},
        "search": {"metric": "eval_exact_match", **(search or {})},
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    return SweepSpec.parse({**tree, **fields})


def problems(folder, **fields):
    with pytest.raises(SpecError) as error:
        spec(folder, **fields)
    return "\n".join(map(str, error.value.problems))


@pytest.mark.parametrize(("rule", "at"), [("asha", "every"), ("median", "every"), ("none", "end")])
def test_the_searched_metric_is_measured_where_it_is_compared(tmp_path, rule, at):
    found = spec(tmp_path, search={"early_stopping": rule})
    assert found.trial.evaluation.metrics == ("eval_exact_match",)
    assert found.trial.evaluation.generate_at == at
    assert found.search.direction == "max"
    assert SweepSpec.parse(found.tree).trial == found.trial


def test_metrics_besides_the_searched_one_are_measured_at_the_end(tmp_path):
    found = spec(
        tmp_path, search={"metric": "eval_loss"}, evaluation={"metrics": ["eval_contains"]}
    )
    assert found.trial.evaluation.generate_at == "end"
    assert "eval_contains" in found.trial.measures
    assert "eval_exact_match" not in found.trial.measures


def test_early_stopping_needs_answers_at_every_evaluation(tmp_path):
    said = problems(tmp_path, evaluation={"generate_at": "end"})
    assert "evaluation.generate_at: asha compares eval_exact_match at every evaluation" in said
    assert spec(tmp_path, {"early_stopping": "none"}, evaluation={"generate_at": [0.5]})


def test_unknown_metrics_list_what_there_is(tmp_path):
    said = problems(tmp_path, evaluation={"metrics": ["eval_exact_mach"]})
    assert said.startswith("evaluation.metrics: 'eval_exact_mach'")
    assert "did you mean eval_exact_match?" in said
    said = problems(tmp_path, search={"metric": "exact_match"})
    assert "did you mean eval_exact_match? sft measures\n" in said


@pytest.mark.parametrize("name", ["evalloss", "Eval-Loss", "evaluation_loss", "loss"])
def test_a_metric_without_the_usual_beginning_is_told_the_one_with_its_own_name(tmp_path, name):
    assert "did you mean eval_loss?" in problems(tmp_path, search={"metric": name})


def test_a_name_like_no_other_gets_the_whole_list_and_no_guess(tmp_path):
    said = problems(tmp_path, search={"metric": "eval_foo"})
    assert "did you mean" not in said
    first, *listed = said.splitlines()
    assert first == "search.metric: objective sft does not measure 'eval_foo'; sft measures"
    assert max(map(len, listed)) + len("  ") <= 100
    groups = [line.strip().partition(":")[0] for line in listed if line[4] != " "]
    assert groups == ["on the validation set", "with data.general", "on generated answers"]
    text = " ".join(" ".join(listed).split())
    assert "eval_perplexity (min)" in text and "eval_tool_call (max)" in text
    said = problems(tmp_path, evaluation={"metrics": ["eval_foo"]})
    assert "did you mean" not in said and "eval_tool_call" in said
    assert max(map(len, said.splitlines()[1:])) + len("  ") <= 100


def test_one_mistake_is_one_message(tmp_path):
    """Not also that methods which change prompts have no answers to be judged by."""
    methods = {"method": {"choice": ["lora", "few_shot"]}}
    for changes in (
        {"search": {"metric": "eval_foo"}},
        {"search": {"metrik": "eval_exact_match", "metric": "eval_loss"}},
        {"search": {"metric": "eval_loss"}, "evaluation": {"metrics": ["eval_foo"]}},
    ):
        assert "few_shot" not in problems(tmp_path, space=methods, **changes)
    said = problems(tmp_path, space=methods, search={"metric": "eval_loss"})
    assert "few_shot is judged by the answers" in said


def test_objectives_without_answers_say_what_they_measure(tmp_path):
    said = problems(tmp_path, objective="clm")
    assert "objective clm does not measure 'eval_exact_match'" in said and "eval_loss" in said
    said = problems(
        tmp_path,
        objective="clm",
        search={"metric": "eval_loss"},
        evaluation={"metrics": ["eval_contains"]},
    )
    assert "evaluation.metrics: eval_contains needs generated answers" in said


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("answer_pattern", "(", "'(' is not a regular expression"),
        ("answer_pattern", "(a)(b)", "has 2 groups"),
        ("prompts", 0, "evaluation.prompts"),
        ("max_new_tokens", 0, "evaluation.max_new_tokens"),
        ("temperature", -1, "evaluation.temperature"),
        ("generate_at", [0.5, 1.5], "generate_at: 1.5 is no share of the budget; write end, every"),
        ("generate_at", [0], "evaluation.generate_at: 0 is no share"),
        ("generate_at", [float("nan")], "evaluation.generate_at: nan is no share"),
        ("generate_at", [], "evaluation.generate_at: [] names no share of the budget; write end"),
        ("generate_at", [0.5, 0.25, 0.5], "evaluation.generate_at: 0.5 is named twice; keep one"),
        ("time_share", 0, "evaluation.time_share"),
    ],
)
def test_bad_settings_are_refused(tmp_path, field, value, said):
    assert said in problems(tmp_path, evaluation={field: value})


def test_how_answers_are_generated_cannot_be_searched(tmp_path):
    said = problems(tmp_path, space={"evaluation.temperature": {"uniform": [0.1, 1.0]}})
    assert "every trial must be measured in the same way" in said


def test_settings_without_a_metric_have_no_effect(tmp_path):
    found = spec(tmp_path, search={"metric": "eval_loss"}, evaluation={"prompts": 50})
    assert any("evaluation.prompts" in note and "no effect" in note for note in notes(found))
    assert not any(name.startswith("evaluation.") for name in found.trial.flat())


def test_answers_that_do_not_fit_the_context_are_refused_before_the_first_trial(tmp_path):
    from sweeps.base.errors import SweepError
    from sweeps.inputs.prepare import inputs_of
    from sweeps.inputs.prompt_checks import check_prompts

    chats.make_chats(tmp_path)
    fields = {
        "model": str(tmp_path / "model"),
        "data": {"train": str(tmp_path / "train.jsonl"), "max_length": 128},
    }
    for most, fits in ((20, True), (120, False)):
        found = spec(tmp_path, **fields, evaluation={"max_new_tokens": most})
        prepared = inputs_of(found.trial, tmp_path / "cache")
        if fits:
            check_prompts(found, prepared)
            continue
        with pytest.raises(SweepError, match=r"evaluation.max_new_tokens 120: .* is 128; lower it"):
            check_prompts(found, prepared)


def test_samples_of_prompts_that_do_not_exist_are_refused_before_the_first_trial(tmp_path):
    from sweeps.base.errors import SweepError
    from sweeps.inputs.prepare import inputs_of
    from sweeps.inputs.prompt_checks import check_prompts

    chats.make_chats(tmp_path)
    ask = str(tmp_path / "ask.jsonl")
    fields = {
        "model": str(tmp_path / "model"),
        "data": {"train": str(tmp_path / "train.jsonl"), "validation": ask, "max_length": 128},
    }
    for text, known in (("ADD 0", True), ("divide", False)):
        found = spec(tmp_path, **fields, evaluation={"max_new_tokens": 8, "samples": [text]})
        prepared = inputs_of(found.trial, tmp_path / "cache")
        if known:
            check_prompts(found, prepared)
            continue
        with pytest.raises(
            SweepError, match=r"samples: 'divide' is in none of the 13 prompts .*; na"
        ):
            check_prompts(found, prepared)


def test_a_pattern_that_hangs_is_known_before_the_first_trial(tmp_path, monkeypatch):
    from data_samples import write_lines

    from sweeps.base.errors import SweepError
    from sweeps.inputs.prepare import inputs_of
    from sweeps.inputs.prompt_checks import check_prompts
    from trainables.metrics import matching

    monkeypatch.setattr(matching, "PATIENCE", 0.05)
    chats.make_chats(tmp_path, context=256)
    write_lines(tmp_path / "ask.jsonl", [{"instruction": "say a", "output": "a" * 40 + "!"}])
    fields = {
        "model": str(tmp_path / "model"),
        "data": {"train": str(tmp_path / "train.jsonl"), "validation": str(tmp_path / "ask.jsonl")},
    }
    for metric, refused in (("eval_answer_equality", True), ("eval_exact_match", False)):
        settings = {"answer_pattern": "(a|aa)+$", "max_new_tokens": 8}
        found = spec(tmp_path, {"metric": metric}, **fields, evaluation=settings)
        prepared = inputs_of(found.trial, tmp_path / "cache")
        if not refused:
            check_prompts(found, prepared)
            continue
        with pytest.raises(SweepError, match=r"takes longer than 0.05 s .* the reference answers"):
            check_prompts(found, prepared)

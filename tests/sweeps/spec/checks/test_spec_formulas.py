"""Formulas of metrics in a sweep file: what they add, their direction, and what is refused."""

from __future__ import annotations

import pytest

from sweeps.spec.notes import notes
from sweeps.spec.spec import SpecError, SweepSpec

BOTH = "0.7*eval_exact_match+0.3*eval_rouge_l"
NAME = "0.7 * eval_exact_match + 0.3 * eval_rouge_l"


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats.jsonl").write_text('{"instruction": "a", "output": "b"}\n')


def spec(search, **fields):
    tree = {
        "name": "sums",
        "model": "builtin:pydoc",
        "data": {"train": "chats.jsonl"},
        "budget": {"trials": 4, "evaluations": 4},
        "search": search,
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    return SweepSpec.parse({**tree, **fields})


def problems(search, **fields):
    with pytest.raises(SpecError) as error:
        spec(search, **fields)
    return "\n".join(map(str, error.value.problems))


def test_a_formula_is_searched_by_the_direction_of_its_signs():
    found = spec({"metric": BOTH})
    assert found.search.goals == {NAME: "max"}
    assert found.trial.evaluation.formulas == (NAME,)
    assert found.trial.evaluation.metrics == ("eval_exact_match", "eval_rouge_l")
    assert found.trial.evaluation.generate_at == "every", "early stopping compares it"
    assert SweepSpec.parse(found.tree).trial == found.trial
    assert not [note for note in notes(found) if "imum" in note or "effect" in note]


def test_a_stated_mode_counts_and_is_noted():
    found = spec({"metric": BOTH, "mode": "min"})
    assert found.search.direction == "min"
    assert any(f"{NAME} is searched for its minimum" in note for note in notes(found))
    ratio = spec({"metric": "eval_exact_match / eval_answer_tokens", "mode": "max"})
    assert ratio.search.direction == "max"
    assert not [note for note in notes(ratio) if "imum" in note]


def test_formulas_of_losses_generate_nothing():
    found = spec({"metric": "eval_loss - 0.1 * eval_token_accuracy"})
    assert found.search.direction == "min" and not found.trial.evaluation.metrics
    assert found.trial.flat()["evaluation.formulas"] == ["eval_loss - 0.1 * eval_token_accuracy"]
    assert "evaluation.formulas" not in spec({"metric": "eval_loss"}).trial.flat()


def test_a_front_of_formulas():
    front = {BOTH: None, "eval_answer_tokens / eval_exact_match": "min"}
    found = spec({"metrics": front})
    assert found.search.goals == {NAME: "max", "eval_answer_tokens / eval_exact_match": "min"}
    said = problems({"metrics": {BOTH: None, NAME: None, "eval_loss": None}})
    assert "names one formula twice" in said
    said = problems({"metrics": {"eval_loss * eval_perplexity": None, "eval_loss": None}})
    assert "search.metrics.eval_loss * eval_perplexity" in said and "min or max after it" in said


def test_further_formulas_are_measured_as_well():
    found = spec({"metric": "eval_loss"}, evaluation={"formulas": [BOTH]})
    assert found.trial.evaluation.metrics == ("eval_exact_match", "eval_rouge_l")
    said = problems({"metric": "eval_loss"}, evaluation={"formulas": ["eval_loss + eval_los"]})
    assert "evaluation.formulas: objective sft does not measure 'eval_los'" in said


def test_a_target_of_a_formula_may_be_written_in_any_way():
    budget = {"trials": 4, "target": {"0.7*eval_exact_match + 0.3*(eval_rouge_l)": 0.9}}
    assert spec({"metric": BOTH}, budget=budget).caps.target == {NAME: 0.9}
    budget["target"] = {"eval_loss * 0.5": 0.9}
    assert "eval_loss * 0.5: is not a metric of the search" in problems(
        {"metric": BOTH}, budget=budget
    )


def test_own_metrics_in_formulas_have_their_own_direction(tmp_path):
    (tmp_path / "scoring.py").write_text("def score(prompts, answers, references, records): ...\n")
    own = {"length": {"python": "scoring.py:score", "mode": "min"}}
    found = spec({"metric": "eval_exact_match - eval_length"}, metrics=own, trust_metric_code=True)
    assert found.search.direction == "max"


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("eval_exact_match + eval_loss", "change it, or set search.mode to min or max"),
        ("eval_exact_mach + eval_loss", "did you mean eval_exact_match"),
        ("eval_loss + eval_general_loss", "measured only with data.general"),
        (
            "eval_loss + eval_accuracy",
            "objective sft does not measure 'eval_accuracy'; sft measures\n",
        ),
        ("eval_loss ** 2", "search.metric: 'eval_loss ** 2' is not allowed in a formula"),
        ("open('x')", "is not allowed in a formula"),
    ],
)
def test_refused(metric, why):
    assert why in problems({"metric": metric})


@pytest.mark.parametrize(
    "text",
    [
        "eval_loss - eval_loss",
        "0 * eval_loss",
        "eval_loss / eval_loss",
        "2 * eval_loss * 0.5 / eval_loss + 1",
        "(eval_loss - eval_loss) * eval_perplexity",
        "eval_loss / (eval_perplexity - eval_perplexity)",
    ],
)
def test_a_formula_that_cannot_tell_trials_apart_is_refused_whatever_its_mode(text):
    told = "is the same for all trials, whatever its metrics are; write a formula that varies"
    for search in ({"metric": text}, {"metric": text, "mode": "max"}):
        said = problems(search)
        assert told in said and said.count("\n") == 0, "one message"
    assert told in problems({"metrics": {text: "min", "eval_loss": None}})
    further = problems({"metric": "eval_loss"}, evaluation={"formulas": [text]})
    assert f"evaluation.formulas: {text}" in further and told in further


@pytest.mark.parametrize(
    "text",
    [
        "0 * eval_loss + eval_perplexity",
        "eval_loss * 0.1 / eval_perplexity",
        "1e-9 * eval_loss",
        "eval_loss - 0.1 * eval_loss",
        "1e6 + eval_loss",
    ],
)
def test_a_formula_that_varies_a_little_is_one(text):
    assert spec({"metric": text, "mode": "min"}).search.direction == "min"


def test_a_front_has_no_winner_to_register_whatever_its_metrics():
    said = problems({"metrics": {"eval_los": None, "eval_loss": None}}, register={"name": "x"})
    assert "eval_los" in said and "a Pareto front has no winner" in said

"""Formulas of metrics: what is one, its value, its direction, and what is refused."""

from __future__ import annotations

import ast
import math
import random

import pytest

from trainables.metrics.formula import (
    LONGEST,
    FormulaError,
    is_formula,
    normalised,
    parsed,
    value_of_each,
    with_formulas,
)
from trainables.metrics.registry import declared_mode
from trainables.metrics.similarity import BLEU, ROUGE_L
from trainables.metrics.written import Answer, Written

VALUES = {"eval_exact_match": 0.5, "eval_rouge_l": 0.25, "eval_loss": 2.0, "eval_f1/very good": 0.8}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.7*eval_exact_match + 0.3*eval_rouge_l", 0.425),
        ("eval_exact_match - (eval_loss - 1) / 4", 0.25),
        ("-eval_loss", -2.0),
        ("2 * -(eval_loss)", -4.0),
        ("eval_exact_match / eval_loss * 8", 2.0),
        ("'eval_f1/very good' - eval_exact_match", 0.3),
        ("eval_exact_match\n  + 1e-1", 0.6),
    ],
)
def test_values(text, value):
    assert is_formula(text)
    assert parsed(text).value(VALUES) == pytest.approx(value)
    assert normalised(parsed(text).text) == parsed(text).text, "one way of writing"
    assert parsed(parsed(text).text).value(VALUES) == pytest.approx(value)


def test_any_arithmetic_agrees_with_pythons():
    draw = random.Random(0)

    def piece(depth):
        if depth == 0 or draw.random() < 0.2:
            return draw.choice(["a", "b", "c", str(draw.randint(1, 9)), f"{draw.random():.3f}"])
        left, right = piece(depth - 1), piece(depth - 1)
        return draw.choice([f"({left} {draw.choice('+-*/')} {right})", f"-{left}", f"({left})"])

    seen = 0
    while seen < 200:
        text, values = piece(4), {name: draw.uniform(0.5, 2) for name in "abc"}
        if not is_formula(text) or len(text) > LONGEST or not set(text) & set("abc"):
            continue
        try:
            wanted = eval(compile(ast.parse(text, mode="eval"), "", "eval"), {}, values)
        except ZeroDivisionError:
            continue
        try:
            assert parsed(text).value(values) == pytest.approx(wanted)
        except FormulaError as error:
            assert "divides by 0" in str(error)
        seen += 1


def test_names_and_labels_are_no_formulas():
    for name in ("eval_loss", "eval_f1/spam + ham", "eval_los"):
        assert not is_formula(name) and normalised(name) == name
    assert normalised(" (eval_loss) ") == "eval_loss"
    assert normalised("0.5*eval_a+eval_b") == normalised("0.5 * eval_a  + (eval_b)")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("eval_loss.__class__", "'eval_loss.__class__' is not allowed in a formula"),
        ("__import__('os').system('true')", "not allowed"),
        ("eval_loss ** 2", "'eval_loss ** 2' is not allowed"),
        ("eval_loss if 1 else 2", "not allowed"),
        ("[eval_loss]", "not allowed"),
        ("f'{eval_loss}' + eval_loss", "not allowed"),
        ("True * eval_loss", "'True' is not allowed"),
        ("1j * eval_loss", "'1j' is not allowed"),
        ("eval_loss + ''", "not allowed"),
        ("eval_loss +", "is no formula"),
        ("eval_loss; eval_loss", "is no formula"),
        ("2 * 3", "names no metric"),
        ("eval_loss / (1 - 1)", "divides by 0"),
        ("1e999 * eval_loss", "above 1e100"),
        ("9" * 150 + " * eval_loss", "above 1e100"),
        ("(" * 150 + "eval_loss", "is no formula"),
        ("eval_loss + " * 100 + "eval_loss", "too long"),
    ],
)
def test_everything_else_is_refused(text, why):
    with pytest.raises(FormulaError) as error:
        parsed(text)
    assert why in str(error.value)


def test_a_division_by_zero_and_a_nan_give_nan():
    assert math.isnan(parsed("1 / eval_loss").value({"eval_loss": 0.0}))
    assert math.isnan(parsed("0 * eval_loss").value({"eval_loss": math.nan}))


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("0.7 * eval_exact_match + 0.3 * eval_rouge_l", "max"),
        ("eval_exact_match - 0.1 * eval_loss", "max"),
        ("eval_loss - eval_exact_match / 2", "min"),
        ("-2 * (3 - eval_loss)", "min"),
        ("-(eval_exact_match + 'eval_f1/spam')", "min"),
        ("1 - eval_exact_match + 0 * eval_loss", "min"),
    ],
)
def test_the_signs_give_the_direction(text, mode):
    assert declared_mode(parsed(text).text) == mode


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "eval_exact_match + eval_loss",
            "it grows with a better eval_exact_match, and shrinks with a better eval_loss",
        ),
        ("eval_exact_match - eval_rouge_l", "shrinks with a better eval_rouge_l"),
        ("eval_exact_match / eval_loss", "multiplies or divides metrics"),
        ("eval_loss - eval_loss", "is the same for all trials"),
    ],
)
def test_without_a_direction(text, why):
    with pytest.raises(FormulaError) as error:
        declared_mode(text)
    assert why in str(error.value)


def test_a_formula_waits_for_all_of_its_metrics():
    text = parsed("eval_exact_match - eval_loss").text
    assert with_formulas({"eval_loss": 1.0}, [text]) == {"eval_loss": 1.0}
    found = with_formulas({"eval_loss": 1.0, "eval_exact_match": 0.5}, [text])
    assert found[text] == -0.5


def test_only_sums_of_means_have_a_value_for_each_example():
    each = {"a": [1.0, 0.0], "b": [0.5, 0.25]}
    assert value_of_each(parsed("1 + 2*a - b"), each) == [2.5, 0.75]
    assert value_of_each(parsed("a / b"), each) is None
    assert value_of_each(parsed("a + c"), each) is None


def test_each_answer_has_a_value_unless_a_part_is_no_mean():
    answers = [
        Answer(place, "", text, ("one two three",), 3, True)
        for place, text in enumerate(("one two three", "four"))
    ]
    sums = "2 * eval_rouge_l", "eval_rouge_l + eval_bleu"
    written = Written(tuple(answers), (ROUGE_L, BLEU), formulas=sums)
    assert written.arrays()["2 * eval_rouge_l"].tolist() == [2.0, 0.0]
    kept = {"prompts", "eval_rouge_l", "2 * eval_rouge_l", "rows.eval_bleu"}
    assert set(written.arrays()) == kept

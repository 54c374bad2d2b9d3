"""Formulas of metrics: `0.7 * eval_exact_match + 0.3 * eval_rouge_l`. Parsed, never run as code.

A formula's text, written in one way, is also its name.
"""

from __future__ import annotations

import ast
import math
import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from search_spaces.problem import UnplacedError
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.metric import Mode

LONGEST = 200
"""Characters of a formula, which is a metric's name in MLflow, too."""

_CONSTANT = ""
"""The name of a formula's number without a metric, among its weights."""

_TRIED = 32
"""Sets of values at which a formula is computed to see whether it varies."""

_GRAMMAR = (
    "a formula has numbers, names of metrics, + - * / and parentheses; names with other characters "
    "than letters, digits and _ are in quotes, such as 'eval_f1/LABEL'"
)
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right if right else math.nan,
}


class FormulaError(UnplacedError):
    """A text that is no formula, or one without a direction."""


@dataclass(frozen=True)
class Formula:
    """A formula as a tree of numbers, names, operators and minus signs, which was checked."""

    tree: ast.expr

    @property
    def text(self) -> str:
        """The formula, written in the one way that is its name."""
        return ast.unparse(self.tree)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Its metrics, in the order of the text."""
        return tuple(dict.fromkeys(_names(self.tree)))

    def value(self, values: Mapping[str, float]) -> float:
        """Its value; NaN where it divides by zero, or where a metric is NaN."""
        return _value(self.tree, values)

    @cached_property
    def weights(self) -> Mapping[str, float] | None:
        """The factor of each metric in a sum of metrics; None for a formula that is no sum."""
        found = _weights(self.tree)
        return None if found is None else {n: w for n, w in found.items() if n != _CONSTANT}

    @cached_property
    def is_constant(self) -> bool:
        """Whether it has one value, or none, whatever its metrics are."""
        draw = random.Random(0)
        tried = (
            # Products and quotients of powers of two are exact.
            self.value({name: 2.0 ** draw.randint(-8, 8) for name in self.names})
            for _ in range(_TRIED)
        )
        return len({value for value in tried if math.isfinite(value)}) < 2

    def direction(self, mode_of: Callable[[str], Mode]) -> Mode:
        """Whether a smaller or a larger value is better; FormulaError if the signs do not say it.

        A sum of metrics has a direction if each of its terms is better in the same one.
        """
        if self.weights is None:
            raise FormulaError(
                f"{self.text} multiplies or divides metrics, so its signs do not say its direction"
            )
        wanted: dict[Mode, str] = {}
        for name, weight in self.weights.items():
            if weight:
                mode = mode_of(name)
                wanted.setdefault(mode if weight > 0 else _opposite(mode), name)
        if len(wanted) > 1:
            raise FormulaError(
                f"{self.text} has no direction: it grows with a better {wanted['max']}, and "
                f"shrinks with a better {wanted['min']}"
            )
        if not wanted:
            raise FormulaError(f"{self.text} is the same for all trials")
        return next(iter(wanted))


def is_formula(metric: str) -> bool:
    """Whether a metric is written as a formula: its text is no single name."""
    return not metric.startswith(CLASS_METRIC) and re.search(r"\W", metric.strip()) is not None


@lru_cache(maxsize=256)
def parsed(text: str) -> Formula:
    """The formula that a text is; FormulaError with what is wrong in it."""
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise FormulaError(f"a formula of {len(text):,} characters is too long", f"use {LONGEST}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of the Python that it is not
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise FormulaError(f"{text!r} is no formula", _GRAMMAR) from None
    _check(tree, text)
    formula = Formula(tree)
    if not formula.names:
        raise FormulaError(f"{text!r} names no metric", _GRAMMAR)
    if len(formula.text) > LONGEST:
        raise FormulaError(f"{text!r} is too long", f"use {LONGEST} characters")
    return formula


def normalised(metric: str) -> str:
    """A metric's name as it is used: a formula's text in one way of writing, others unchanged."""
    if not is_formula(metric):
        return metric
    formula = parsed(metric)
    alone = _name(formula.tree)
    return formula.text if alone is None else alone


def formula_in(metric: str) -> Formula | None:
    """The formula that a record's metric is; None for a name, whatever its characters."""
    try:
        return parsed(metric) if is_formula(metric) else None
    except FormulaError:
        return None


def parts_of(metric: str) -> tuple[str, ...]:
    """The metrics that a metric is computed from: a formula's, or itself."""
    formula = formula_in(metric)
    return formula.names if formula else (metric,)


def with_formulas(values: Mapping[str, float], formulas: Iterable[str]) -> dict[str, float]:
    """The values, and those of the formulas whose metrics are all among them."""
    known = [parsed(text) for text in formulas]
    own = {each.text: each.value(values) for each in known if set(each.names) <= values.keys()}
    return {**values, **own}


def value_of_each(
    formula: Formula, values: Mapping[str, Sequence[float]]
) -> Sequence[float] | None:
    """The formula's value of each example, whose mean is its value; None where there is none."""
    if formula.weights is None or not set(formula.names) <= values.keys():
        return None
    rows = zip(*(values[name] for name in formula.names), strict=True)
    return [formula.value(dict(zip(formula.names, row, strict=True))) for row in rows]


def _check(node: ast.expr, text: str) -> None:
    """FormulaError for anything but numbers, names, operators and minus signs."""
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            _check(left, text)
            _check(right, text)
            if isinstance(operator, ast.Div) and _weights(right) == {_CONSTANT: 0.0}:
                raise FormulaError(f"{text!r} divides by 0")
        case ast.UnaryOp(ast.USub(), operand):
            _check(operand, text)
        case ast.Constant(bool() | None):
            raise _refused(node, text)
        case ast.Constant(int() | float() as number):
            # A long row of digits is too large for a float.
            if abs(number) > 1e100:
                raise FormulaError(f"{text!r} has a number above 1e100")
        case ast.Name() | ast.Constant(str(_)) if _name(node):
            pass
        case _:
            raise _refused(node, text)


def _refused(node: ast.expr, text: str) -> FormulaError:
    piece = ast.get_source_segment(text, node)
    return FormulaError(f"{piece or text!r} is not allowed in a formula", _GRAMMAR)


def _names(node: ast.expr) -> Iterator[str]:
    """The names below a node, from left to right."""
    if (name := _name(node)) is not None:
        yield name
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.expr):
            yield from _names(inner)


def _name(node: ast.AST) -> str | None:
    match node:
        case ast.Name(name) | ast.Constant(str() as name):
            return name
    return None


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.BinOp(left, operator, right):
            return _OPERATORS[type(operator)](_value(left, values), _value(right, values))
        case ast.UnaryOp(_, operand):
            return -_value(operand, values)
        case ast.Constant(int() | float() as number):
            return float(number)
    name = _name(node)
    assert name is not None, "checked when it was parsed"
    return values[name]


def _weights(node: ast.expr) -> dict[str, float] | None:
    """The factors of names and of the constant; None if the formula is not linear in its names."""
    match node:
        case ast.Constant(int() | float() as number):
            return {_CONSTANT: float(number)}
        case ast.UnaryOp(_, operand):
            return _scaled(_weights(operand), -1.0)
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            sign = 1.0 if isinstance(operator, ast.Add) else -1.0
            mine, theirs = _weights(left), _scaled(_weights(right), sign)
            if mine is None or theirs is None:
                return None
            return {n: mine.get(n, 0.0) + theirs.get(n, 0.0) for n in {**mine, **theirs}}
        case ast.BinOp(left, operator, right):
            mine, theirs = _weights(left), _weights(right)
            if mine is None or theirs is None:
                return None
            if theirs.keys() == {_CONSTANT}:
                return {
                    n: _OPERATORS[type(operator)](w, theirs[_CONSTANT]) for n, w in mine.items()
                }
            alone = mine.keys() == {_CONSTANT} and isinstance(operator, ast.Mult)
            return _scaled(theirs, mine[_CONSTANT]) if alone else None
    name = _name(node)
    return None if name is None else {name: 1.0}


def _scaled(weights: dict[str, float] | None, factor: float) -> dict[str, float] | None:
    return None if weights is None else {name: each * factor for name, each in weights.items()}


def _opposite(mode: Mode) -> Mode:
    return "max" if mode == "min" else "min"

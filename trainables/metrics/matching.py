"""Right or wrong: generated answers equal to their references, containing them, or with an equal
final answer. All compare normalised texts; see words.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from trainables.metrics.words import is_word, normal
from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric, of_references, said

_NUMBER = re.compile(r"(?:(?<!\w)[-+])?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?%?")
PATIENCE = 5.0
"""Seconds for finding a pattern in one text."""

_CURRENCY = "$€£¥"
_MINUS = "\N{MINUS SIGN}"


def exact(text: str, reference: str) -> float:
    """1 if the texts are equal once normalised."""
    return float(normal(text) == normal(reference))


def contains(text: str, reference: str) -> float:
    """1 if the reference is in the text, as whole words: 4 is not in 42."""
    wanted = normal(reference)
    if not wanted:
        return 1.0
    before = r"(?<!\w)" if is_word(wanted[0]) else ""
    after = r"(?!\w)" if is_word(wanted[-1]) else ""
    if wanted[0].isdigit():  # nor in 1.4 and -4
        before += r"(?<!\d[.,])(?<!(?<!\w)[-\u2212])"
    if wanted[-1].isdigit():  # nor in 4,000
        after += r"(?![.,]\d)"
    return float(bool(re.search(before + re.escape(wanted) + after, normal(text))))


def final_answer(text: str, pattern: str) -> str:
    """The last match of the pattern, else the last number, else the whole text.

    ValueError if the pattern takes too long, as nested repetitions may.
    """
    import regex

    try:
        found = [*regex.finditer(pattern, text, timeout=PATIENCE)] if pattern else []
    except TimeoutError as error:
        raise ValueError(
            f"evaluation.answer_pattern {pattern!r} takes longer than {PATIENCE:g} s on a text of "
            f"{len(text):,} characters; write it without nested repetitions"
        ) from error
    marked = [str(each.group(each.re.groups) or "") for each in found]
    if marked := [each for each in marked if each.strip()]:  # a pattern may match nothing
        return marked[-1]
    numbers = _NUMBER.findall(text.replace(_MINUS, "-"))
    return str(numbers[-1]) if numbers else text


def equal(one: str, other: str) -> bool:
    """Whether two answers are the same number, or else the same normalised text."""
    mine, theirs = _number(one), _number(other)
    if mine is not None and theirs is not None:
        return mine == theirs
    return normal(one) == normal(other)


def _equality(answers: Sequence[Answer]) -> Values:
    return [float(_agrees(answer)) for answer in answers]


def _agrees(answer: Answer) -> bool:
    mine = final_answer(answer.said, answer.pattern)
    return any(equal(mine, final_answer(said(each), answer.pattern)) for each in answer.references)


def _number(text: str) -> Decimal | None:
    """A plain number: 1,234.50, $3, 25%; None for other texts."""
    plain = (
        normal(unicodedata.normalize("NFKC", text)).replace(_MINUS, "-").strip(_CURRENCY).strip()
    )
    plain = re.sub(r"(?<=\d),(?=\d{3}(?:\D|$))", "", plain)
    try:
        number = Decimal(plain.removesuffix("%").strip())
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return number / 100 if plain.endswith("%") else number


EXACT_MATCH = WrittenMetric("eval_exact_match", "max", "share", ASKED, each=of_references(exact))
CONTAINS = WrittenMetric("eval_contains", "max", "share", ASKED, each=of_references(contains))
ANSWER_EQUALITY = WrittenMetric("eval_answer_equality", "max", "share", ASKED, each=_equality)

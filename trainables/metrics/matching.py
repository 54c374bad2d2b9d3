"""Right or wrong: generated answers equal to their references, containing them, or with an equal
final answer. All compare normalised texts; see words.py."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from trainables.metrics.words import LETTER, is_word, normal
from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric, of_references, said

_SIGN = rf"(?<!{LETTER})[-+]"
_NUMBER = re.compile(rf"(?:{_SIGN})?" + r"(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?%?")
PATIENCE = 5.0
"""Seconds for finding a pattern in one text."""

_CURRENCY = "$€£¥"
_MINUS = "\N{MINUS SIGN}"
_SLASH = "\N{FRACTION SLASH}"

_GROUPED = re.compile(
    rf"(?:{_SIGN})?" + r"(?<!\d)(?<!\d[.,])\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?!\d)(?:\.\d+)?%?"
)
"""A number with spaces between its thousands."""

_JOINED = re.compile(r"\d(?: ?/ ?|:)$|\^ ?[{(]?$")
"""What makes a number after it a part of a fraction, time or power."""

_NUMERIC = re.compile(rf"{_SIGN}$")
_LONGER = re.compile(rf"(?:{_SIGN}|\d[.,/:^ -]|\^)$")
"""What makes an expression after it a part of a longer one."""

_REASONING = re.compile(
    r"\d[)\]}%]*\s*=\s*\D?$"  # a calculation: 3 + 4 =
    r"|(?:\b(?:is|are|equals)\s+|[是为為]\s*)[^\w\s-]?$"
    r"|^\D*[:：]\s*\D?$"  # Answer:
    r"|[^\W\d_]{2}(?:[^\n]{0,200}\n|[^\w\s]?(?:[.!?]\s|[。！？]))"  # lines, sentences
)
"""What is before the number in which a text ends, if that number is what it comes to."""

_ASSIGNED = re.compile(r"[^\W\d][^\S\n]*=\s*$")
"""A name that has the number after it."""


@dataclass(frozen=True)
class _Number:
    value: Decimal
    percent: bool


def exact(text: str, reference: str) -> float:
    """1 if the texts are equal once normalised."""
    return float(normal(text) == normal(reference))


def contains(text: str, reference: str) -> float:
    """1 if the reference is in the text, as whole words: 4 is not in 42."""
    wanted = normal(reference)
    if not wanted:
        return 1.0
    before = f"(?<!{LETTER})" if is_word(wanted[0]) else ""
    after = f"(?!{LETTER})" if is_word(wanted[-1]) else ""
    if wanted[0].isdigit():  # nor in 1.4 and -4
        before += rf"(?<!\d[.,])(?<!(?<!{LETTER})[-\u2212])"
    if wanted[-1].isdigit():  # nor in 4,000
        after += r"(?![.,]\d)"
    return float(bool(re.search(before + re.escape(wanted) + after, normal(text))))


def marked(text: str, pattern: str) -> str | None:
    """The last match of the pattern that is not empty; None if there is none.

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
    texts = [str(each.group(each.re.groups) or "") for each in found]
    return next((each for each in reversed(texts) if each.strip()), None)


def agrees(text: str, reference: str, pattern: str = "") -> bool:
    """Whether a text ends in the answer of a reference: as a number if that is one, else in the
    same words."""
    wanted, mine = _answer_of(reference, pattern), marked(text, pattern)
    if _number(wanted) is None:
        return _ends_with(text, wanted) if mine is None else _plain(mine) == _plain(wanted)
    return any(_same_number(each, wanted) for each in ([mine] if mine else _last_number(text)))


def _equality(answers: Sequence[Answer]) -> Values:
    return [
        float(any(agrees(each.said, said(ref), each.pattern) for ref in each.references))
        for each in answers
    ]


def _answer_of(reference: str, pattern: str) -> str:
    """What the pattern marks, else the number in which reasoning ends, else the whole text."""
    if (found := marked(reference, pattern)) is not None:
        return found
    whole = reference.strip().rstrip(" .,;:!?*$。")
    last = _last_number(whole)
    if not last or not whole.endswith(last[0]):
        return reference
    before = whole.removesuffix(last[0])
    return last[0] if _REASONING.search(before) and not _ASSIGNED.search(before) else reference


def _last_number(text: str) -> list[str]:
    """The last number of a text, first as it stands, then with the groups of thousands before it;
    empty if it is a part of a fraction, time or power."""
    text = text.replace(_MINUS, "-")
    found = [*_NUMBER.finditer(text)]
    if not found or _JOINED.search(text[: found[-1].start()]):
        return []
    groups = [each for each in _GROUPED.finditer(text) if each.end() == found[-1].end()]
    return [found[-1].group(), *(each.group() for each in groups)]


def _ends_with(text: str, wanted: str) -> bool:
    """Whether the wanted text stands at the end, as whole words, and not as a part of a longer
    expression: 1/2 is not at the end of -1/2, 11/2 and 1 1/2."""
    mine, end = _plain(text), _plain(wanted)
    if not end or not mine.endswith(end):
        return mine == end
    before = mine.removesuffix(end)
    if not before or (end[0].isalpha() and not is_word(end[0])):
        return True
    longer = _NUMERIC if end[0].isalpha() else _LONGER
    return not is_word(before[-1]) and not longer.search(before)


def _plain(text: str) -> str:
    """The normalised text without emphasis and dollars around it and spaces around = and commas."""
    whole = normal(normal(text.replace(_MINUS, "-").replace(_SLASH, "/")).strip("*$"))
    return re.sub(r"\s*([=,])\s*", r"\1", whole.replace(_SLASH, "/"))


def _same_number(one: str, other: str) -> bool:
    """Whether both are the same number; a percent sign that only one has may mean hundredths."""
    mine, theirs = _number(one), _number(other)
    if mine is None or theirs is None:
        return False
    if mine.percent == theirs.percent:
        return mine.value == theirs.value
    of_hundred, plain = (mine, theirs) if mine.percent else (theirs, mine)
    return plain.value in (of_hundred.value, of_hundred.value / 100)


def _number(text: str) -> _Number | None:
    """A plain number: 1,234.50, 1 000, $3, 25%; None for other texts."""
    plain = (
        normal(unicodedata.normalize("NFKC", text)).replace(_MINUS, "-").strip(_CURRENCY).strip()
    )
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(" ", "")
    plain = re.sub(r"(?<=\d),(?=\d{3}(?:\D|$))", "", plain)
    try:
        number = Decimal(plain.removesuffix("%").strip())
    except InvalidOperation:
        return None
    return _Number(number, plain.endswith("%")) if number.is_finite() else None


EXACT_MATCH = WrittenMetric("eval_exact_match", "max", "share", ASKED, each=of_references(exact))
CONTAINS = WrittenMetric("eval_contains", "max", "share", ASKED, each=of_references(contains))
ANSWER_EQUALITY = WrittenMetric("eval_answer_equality", "max", "share", ASKED, each=_equality)

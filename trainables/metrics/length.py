"""The form of generated answers: length, end, and repetition."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.metrics.words import pieces
from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric

_GRAM = 4
"""Words in a repeated stretch."""


def _tokens(answers: Sequence[Answer]) -> Values:
    return [float(answer.tokens) for answer in answers]


def _ended(answers: Sequence[Answer]) -> Values:
    return [float(answer.ended) for answer in answers]


def _repeats(answers: Sequence[Answer]) -> Values:
    return [repeated(answer.text) for answer in answers]


def repeated(text: str) -> float:
    """The share of a text's stretches of four words that occurred before in it."""
    words = pieces(text)
    grams = [tuple(words[at : at + _GRAM]) for at in range(len(words) - _GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


ANSWER_TOKENS = WrittenMetric(
    "eval_answer_tokens", "min", "tokens", ASKED, each=_tokens, alone=True
)
ENDED = WrittenMetric("eval_ended", "max", "share", ASKED, each=_ended, alone=True)
REPEATS = WrittenMetric("eval_repeats", "min", "share", ASKED, each=_repeats, alone=True)

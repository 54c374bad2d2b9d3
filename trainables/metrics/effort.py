"""What an answer costs."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.metrics.written import ASKED, Answer, Values, WrittenMetric


def _prompt_tokens(answers: Sequence[Answer]) -> Values:
    return [float(answer.prompt_tokens) for answer in answers]


def _seconds(answers: Sequence[Answer]) -> Values:
    return [answer.seconds for answer in answers]


def _looked_up(answers: Sequence[Answer]) -> Values:
    return [float(answer.looked_up) for answer in answers]


PROMPT_TOKENS = WrittenMetric(
    "eval_prompt_tokens", "min", "tokens", ASKED, each=_prompt_tokens, alone=True
)
ANSWER_SECONDS = WrittenMetric("eval_answer_seconds", "min", "s", ASKED, each=_seconds, alone=True)
LOOKED_UP = WrittenMetric("eval_looked_up", "max", "pieces", ASKED, each=_looked_up, alone=True)

COSTS = (PROMPT_TOKENS.name, "eval_answer_tokens", ANSWER_SECONDS.name, LOOKED_UP.name)
"""Measured in every sweep with a method that trains nothing."""

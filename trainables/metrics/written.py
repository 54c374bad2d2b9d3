"""Answers that a model has written, and metrics of them. Light: numpy only where it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from trainables.core.evaluation import AnswersCost
from trainables.metrics.formula import parsed, value_of_each
from trainables.metrics.metric import Metric

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

GENERATION = "evaluation.metrics"
"""What a metric of generated answers needs in a sweep file."""

ASKED = ("sft", "grpo", "rloo", "ppo")
"""The objectives whose models are asked prompts."""

ROWS = "rows."
"""Prefix of the names of `Written.rows` in a file of values."""

Values = Sequence[float]
"""One value for each answer."""


@dataclass(frozen=True)
class Answer:
    """A generated answer to prompt number `prompt` of a set.

    `question` is the last message before the answer; `tokens` counts what was generated, with the
    end-of-turn token if the answer `ended` by itself. `pattern` marks the answer within a text.
    `prompt_tokens` are those of the prompt with the `looked_up` examples or passages in it;
    `seconds` is the answer's share of its batch's time. `record` has the columns of the prompt's
    record that are no part of its chat, if they are kept; `ids` are the generated ones.
    """

    prompt: int
    question: str
    text: str
    references: tuple[str, ...]
    tokens: int
    ended: bool
    pattern: str = ""
    prompt_tokens: int = 0
    looked_up: int = 0
    seconds: float = 0.0
    record: Mapping[str, object] = field(default_factory=dict)
    ids: tuple[int, ...] = ()

    @property
    def said(self) -> str:
        """The text without reasoning."""
        return said(self.text)


@dataclass(frozen=True)
class Whole:
    """A metric of all answers together: a `value` of their `rows`, one for each answer."""

    rows: Callable[[Sequence[Answer]], Floats]
    value: Callable[[Floats], float]

    def of(self, answers: Sequence[Answer]) -> float:
        """The metric of some answers."""
        return self.value(self.rows(answers))


@dataclass(frozen=True)
class WrittenMetric(Metric):
    """A metric of generated answers: the mean of `each`, or `whole` where it is no mean.

    Both get all answers of a set at once. At least one reference must be what the metric `wants`,
    in words `wanted`; a metric of the answer `alone` needs no references.
    """

    each: Callable[[Sequence[Answer]], Values] = field(kw_only=True)
    whole: Whole | None = field(kw_only=True, default=None)
    wants: Callable[[str], bool] | None = field(kw_only=True, default=None)
    wanted: str = field(kw_only=True, default="")
    alone: bool = field(kw_only=True, default=False)
    needs: str | None = GENERATION


@dataclass(frozen=True)
class Scored:
    """The value of a user's own metric over all answers, and each answer's if it is their mean."""

    value: float
    each: Values | None = None


@dataclass(frozen=True)
class Written:
    """Generated answers, and each one's value of each of the metrics; `seconds` is the time that
    generating and scoring took. `own` are the values of the user's own metrics, `formulas` the
    texts of those that are measured, and `samples` texts in the prompts whose answers are kept."""

    answers: tuple[Answer, ...]
    metrics: tuple[WrittenMetric, ...]
    seconds: float = 0.0
    own: Mapping[str, Scored] = field(default_factory=dict)
    formulas: Sequence[str] = ()
    samples: Sequence[str] = ()
    judge_tokens: int = 0
    judge_dollars: float = 0.0

    @property
    def cost(self) -> AnswersCost:
        """What the answers took."""
        return AnswersCost(self.seconds, self.judge_tokens, self.judge_dollars)

    @cached_property
    def each(self) -> Mapping[str, Values]:
        """The values of all answers, by metric."""
        mine = {name: scored.each for name, scored in self.own.items() if scored.each is not None}
        wholes = {m.name: m.each(self.answers) for m in self.metrics if m.whole is not None}
        means = {m.name: m.each(self.answers) for m in self.metrics if m.whole is None} | mine
        sums = {text: value_of_each(parsed(text), means) for text in self.formulas}
        return {
            **wholes,
            **means,
            **{name: each for name, each in sums.items() if each is not None},
        }

    @cached_property
    def rows(self) -> Mapping[str, Floats]:
        """What the metrics that are no means are computed from, an array row for each answer."""
        return {m.name: m.whole.rows(self.answers) for m in self.metrics if m.whole is not None}

    @cached_property
    def values(self) -> Mapping[str, float]:
        """The value of each metric over all answers."""
        found = {
            metric.name: metric.whole.value(self.rows[metric.name])
            if metric.whole
            else sum(self.each[metric.name]) / len(self.answers)
            for metric in self.metrics
        }
        return {**found, **{name: scored.value for name, scored in self.own.items()}}

    def arrays(self) -> dict[str, Floats]:
        """`prompts`, the values of metrics that are means, and the rows of the others, for paired
        comparisons."""
        import numpy as np

        means = {name: np.array(each) for name, each in self.each.items() if name not in self.rows}
        rows = {f"{ROWS}{name}": each for name, each in self.rows.items()}
        numbers = np.array([answer.prompt for answer in self.answers])
        return {"prompts": numbers, **means, **rows}


def said(text: str) -> str:
    """A text without the reasoning before it; empty if the reasoning does not end."""
    _, end, after = text.rpartition("</think>")
    if end:
        return after.strip()
    return "" if text.lstrip().startswith("<think>") else text


def of_references(score: Callable[[str, str], float]) -> Callable[[Sequence[Answer]], Values]:
    """The best score of each answer over its references: `score(answer, reference)`, without
    reasoning."""
    return lambda answers: [
        max(score(answer.said, said(reference)) for reference in answer.references)
        for answer in answers
    ]

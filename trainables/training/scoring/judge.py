"""The values that a judge gives to answers, several at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from trainables.config.judge import JudgeMetric
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.errors import RefusedError
from trainables.metrics.written import Answer, Scored
from trainables.training.scoring.endpoint import Endpoint
from trainables.training.scoring.files import text_of
from trainables.training.scoring.judgements import Usage
from trainables.training.scoring.questions import (
    TRIAL,
    choice_in,
    pair_question,
    score_in,
    score_question,
    win,
)

T = TypeVar("T")

_RETRIES_AT_LAUNCH = 1
"""A launch should not wait long for an endpoint that is away."""


@dataclass(frozen=True)
class Judge:
    """A judge with its rubric, which remembers its replies in `folder`."""

    name: str
    metric: JudgeMetric
    rubric: str
    folder: Path

    def scored(
        self, answers: Sequence[Answer], base: Mapping[int, str] | None
    ) -> tuple[Scored, Usage]:
        """The value of each answer and their mean; `base` are the base's answers by prompt, if
        they are compared. RefusedError if the judge fails."""
        with Endpoint(self.name, self.metric, self.folder) as endpoint:
            found = [*self._each(endpoint, answers, base)]
        values = [value for value, _ in found]
        usage = sum((used for _, used in found), start=Usage())
        return Scored(math.fsum(values) / len(values), values), usage

    def _each(
        self, endpoint: Endpoint, answers: Sequence[Answer], base: Mapping[int, str] | None
    ) -> Iterator[tuple[float, Usage]]:
        one = partial(self._score, endpoint)
        if self.metric.compares:
            assert base is not None, "whoever scores answers knows the base's"
            one = partial(self._compared, endpoint, base)
        with ThreadPoolExecutor(self.metric.concurrency) as pool:
            try:
                yield from pool.map(_until_refused(one), answers)
            finally:
                pool.shutdown(cancel_futures=True)

    def _score(self, endpoint: Endpoint, answer: Answer) -> tuple[float, Usage]:
        question = score_question(self.metric, self.rubric, answer)
        return endpoint.ask(question, partial(score_in, self.metric))

    def _compared(
        self, endpoint: Endpoint, base: Mapping[int, str], answer: Answer
    ) -> tuple[float, Usage]:
        mine, theirs = answer.said, base[answer.prompt]
        if mine == theirs:
            return 0.5, Usage()
        first, used = endpoint.ask(pair_question(self.rubric, answer, mine, theirs), choice_in)
        swapped, more = endpoint.ask(pair_question(self.rubric, answer, theirs, mine), choice_in)
        return win(first, swapped), used + more

    def check(self) -> None:
        """RefusedError if the judge cannot be asked, or does not answer as it must."""
        with (
            TemporaryDirectory(prefix="judge-") as folder,
            Endpoint(self.name, self.metric, Path(folder), _RETRIES_AT_LAUNCH) as endpoint,
        ):
            if self.metric.ask == "score":
                question = score_question(self.metric, self.rubric, TRIAL)
                endpoint.ask(question, partial(score_in, self.metric))
            else:
                endpoint.ask(pair_question(self.rubric, TRIAL, "4", "5"), choice_in)


def _until_refused(one: Callable[[Answer], T]) -> Callable[[Answer], T]:
    """The same for several threads, which ask nothing further once one of them was refused."""
    refusals: list[RefusedError] = []

    def asked(answer: Answer) -> T:
        if refusals:
            raise refusals[0]
        try:
            return one(answer)
        except RefusedError as error:
            refusals.append(error)
            raise

    return asked


def check_judges(config: TrialConfig) -> None:
    """DataError if a judge cannot be asked; each is asked once."""
    for name, metric in config.metrics.items():
        if isinstance(metric, JudgeMetric):
            try:
                rubric = text_of(f"metrics.{name}.rubric", metric.rubric)
                Judge(name, metric, rubric, Path()).check()
            except RefusedError as error:
                raise DataError(str(error)) from None


def compares_with_base(config: TrialConfig) -> bool:
    """Whether a judge compares answers with those of the untouched base."""
    judges = [metric for metric in config.metrics.values() if isinstance(metric, JudgeMetric)]
    return any(metric.compares for metric in judges)


def dollars(metric: JudgeMetric, usage: Usage) -> float:
    """What the tokens cost; nothing without prices."""
    prices = metric.prices
    if prices is None:
        return 0.0
    return (usage.prompt_tokens * prices.input + usage.reply_tokens * prices.output) / 1e6

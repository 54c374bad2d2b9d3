"""All own metrics of a trial's answers, computed once and known to all ranks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainables.config.judge import JudgeMetric
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.metrics.written import Answer, Scored, Written
from trainables.training.inputs import Inputs
from trainables.training.scoring.code import ScoringFile
from trainables.training.scoring.judge import Judge, dollars
from trainables.training.scoring.judgements import Usage
from trainables.training.scoring.returned import scored
from trainables.training.watchdog import Watchdog

_MARGIN = 0.9
"""Share of the trial's timeout after which a scoring file is ended: before its slot would be."""

_MEET_EVERY = 20.0
"""Seconds after which the ranks meet while one of them scores, well below any timeout of the
collectives in which the others wait."""


@dataclass(frozen=True)
class Scoring:
    """What own metrics need: the texts of the files that they name, the trial's timeout, a folder
    for the replies of judges, and the base's answers by prompt, if a judge compares them. `alive`
    is called every few seconds."""

    files: Mapping[str, str]
    timeout: float | None
    judgements: Path | None
    base: Mapping[int, str] | None = None
    alive: Callable[[], None] = lambda: None

    @classmethod
    def of(
        cls, inputs: Inputs, watchdog: Watchdog, base: Mapping[int, str] | None = None
    ) -> Scoring:
        """What it needs of a workshop."""
        files, folder = inputs.metric_files, inputs.judgements
        return cls(files, watchdog.seconds, folder, base, watchdog.alive)


@dataclass(frozen=True)
class _Found:
    """The scores, or why there are none, and what judges took."""

    scores: Mapping[str, Scored] = field(default_factory=dict)
    why_not: str = ""
    tokens: int = 0
    dollars: float = 0.0


def with_own_scores(written: Written, config: TrialConfig, scoring: Scoring) -> Written:
    """The answers with their own metrics; RefusedError, on all ranks, if one fails.

    All ranks call it.
    """
    if not config.metrics:
        return written
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        leads = ranks.rank() == 0
        future = pool.submit(_tried, config, scoring, written.answers) if leads else None
        while not ranks.from_rank_zero(_ended(future)):
            scoring.alive()
        found = ranks.from_rank_zero(future.result() if future else None)
    if found.why_not:
        raise RefusedError(found.why_not)
    return replace(
        written,
        own=found.scores,
        seconds=written.seconds + time.monotonic() - began,
        judge_tokens=found.tokens,
        judge_dollars=found.dollars,
    )


def _ended(future: Future[_Found] | None) -> bool:
    """Whether the scores are there, after some seconds at most; always False on other ranks."""
    return future is not None and not wait([future], timeout=_MEET_EVERY).not_done


def _tried(config: TrialConfig, scoring: Scoring, answers: Sequence[Answer]) -> _Found:
    limit = None if scoring.timeout is None else scoring.timeout * _MARGIN
    found: dict[str, Scored] = {}
    tokens, paid = 0, 0.0
    try:
        for name, metric in config.metrics.items():
            if isinstance(metric, JudgeMetric):
                value, usage = _judged(name, metric, scoring, answers)
                found |= dict.fromkeys(metric.names(name), value)
                tokens += usage.prompt_tokens + usage.reply_tokens
                paid += dollars(metric, usage)
            else:
                file = ScoringFile(name, metric, scoring.files[metric.file])
                found |= scored(name, metric, file.values(answers, limit), len(answers))
    except ValueError as error:
        return _Found(why_not=str(error))
    return _Found(found, "", tokens, paid)


def _judged(
    name: str, metric: JudgeMetric, scoring: Scoring, answers: Sequence[Answer]
) -> tuple[Scored, Usage]:
    assert scoring.judgements is not None, "prepared inputs have a place for them"
    judge = Judge(name, metric, scoring.files[metric.rubric], scoring.judgements)
    return judge.scored(answers, scoring.base if metric.compares else None)

"""All own metrics of a trial's answers, computed once and known to all ranks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.metrics.written import Answer, Scored, Written
from trainables.training.scoring.code import ScoringFile
from trainables.training.scoring.returned import scored

_MARGIN = 0.9
"""Share of the trial's timeout after which a scoring file is ended: before its slot would be."""


def with_own_scores(
    written: Written, config: TrialConfig, files: Mapping[str, str], timeout: float | None
) -> Written:
    """The answers with their own metrics; RefusedError, on all ranks, if one fails.

    `files` are the texts of the files that the metrics name. All ranks call it.
    """
    if not config.metrics:
        return written
    began = time.monotonic()
    leads = ranks.rank() == 0
    outcome = _tried(config, files, written.answers, timeout) if leads else None
    found, why_not = ranks.from_rank_zero(outcome)
    if why_not:
        raise RefusedError(why_not)
    return replace(written, own=found, seconds=written.seconds + time.monotonic() - began)


def _tried(
    config: TrialConfig,
    files: Mapping[str, str],
    answers: Sequence[Answer],
    timeout: float | None,
) -> tuple[dict[str, Scored], str]:
    """The scores, and why there are none."""
    limit = None if timeout is None else timeout * _MARGIN
    found: dict[str, Scored] = {}
    try:
        for name, metric in config.metrics.items():
            value = ScoringFile(name, metric, files[metric.file]).values(answers, limit)
            found |= scored(name, metric, value, len(answers))
    except ValueError as error:
        return {}, str(error)
    return found, ""

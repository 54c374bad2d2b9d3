"""Whether the judges of a sweep answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sweeps.preflight.finding import Finding, ok, wrong
from sweeps.spec.spec import SweepSpec
from trainables.config.judge import JudgeMetric
from trainables.core.data_error import DataError
from trainables.core.errors import RefusedError


def check_judges(spec: SweepSpec) -> Iterator[Finding]:
    """A finding for each judge, which is asked once."""
    from trainables.training.scoring.files import text_of
    from trainables.training.scoring.judge import Judge

    for name, metric in spec.trial.metrics.items():
        if not isinstance(metric, JudgeMetric):
            continue
        try:
            rubric = text_of(f"metrics.{name}.rubric", metric.rubric)
            Judge(name, metric, rubric, Path()).check()
        except (DataError, RefusedError) as error:
            yield wrong("judge", str(error))
        else:
            yield ok("judge", f"{metric.model} at {metric.endpoint} answers for metrics.{name}")

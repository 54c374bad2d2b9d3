"""A dry run of methods that train nothing: the answers of each are timed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sweeps.caps.timing import (
    Stopwatch,
)
from sweeps.run.dry_run.result import DryRun, base_of, begun
from sweeps.run.dry_run.tried import Tried
from sweeps.run.first_trial import (
    failures_told,
    first_of,
    untouched,
)
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Evaluation, Outcome

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


def measure_answers(tried: Tried) -> DryRun:
    """The answers of each method that trains nothing; trials that train are not timed."""
    from trainables.training.workshop import Workshop

    workshop = Workshop(tried.prepared.inputs, progress=tried.progress)
    with failures_told(tried.params):
        base = base_of(workshop, untouched(tried.config), tried.progress)
        runs = dict(_answered(tried, workshop))
    outcome, measured = runs[tried.config.method]
    costs = [outcome.cost for outcome, _ in runs.values()]
    answers = max(each.generation_seconds for each in costs)
    run = begun(tried, workshop, base, measured, outcome.cost)
    return replace(
        run,
        evaluation_seconds=max(each.seconds for each in costs) - answers,
        peak_memory_bytes=max(each.peak_memory_bytes for each in costs),
        trainable_parameters=0,
        generation_seconds=answers,
        answer_seconds={
            name: seen.metrics["eval_answer_seconds"]
            for name, (_, seen) in runs.items()
            if seen and "eval_answer_seconds" in seen.metrics
        },
        notes=(*run.notes, *_not_timed(tried.spec)),
    )


def _answered(
    tried: Tried, workshop: Workshop
) -> Iterator[tuple[str, tuple[Outcome, Evaluation | None]]]:
    """The first trial of each method that trains nothing: its end, and what was measured."""
    config = tried.config
    for method in (each.name for each in methods_of(tried.spec.trial, tried.spec.space)):
        mine = config if method == config.method else first_of(tried.fitted, method)[1]
        if not mine.tunes.trains:
            with tried.progress.phase(f"timing method {method}"):
                watch = Stopwatch()
                yield method, (workshop.train(mine, watch), watch.last)


def _not_timed(spec: SweepSpec) -> Iterator[str]:
    """A note on methods that train, where the first trials do not."""
    if trained := [each.name for each in methods_of(spec.trial, spec.space) if each.trains]:
        yield (
            f"method {' and '.join(trained)}: not timed, since none of the sweep's first trials "
            "has it, so the sweep takes longer than this"
        )

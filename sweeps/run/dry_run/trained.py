"""A dry run's first trial, trained for a few steps and timed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search_spaces.values import Value
from sweeps.base.errors import SweepError
from sweeps.caps.timing import (
    Stopwatch,
    course_seen,
    least_of_trial,
    seconds_of_step,
    steps_to_time,
    watched,
)
from sweeps.caps.too_short import refuse_if_too_short
from sweeps.inputs.budgets import description, extents, remarks
from sweeps.inputs.evaluation_share import before_end, evaluation_share
from sweeps.run.dry_run.result import DryRun, base_of, begun
from sweeps.run.dry_run.tried import Tried, quoted
from sweeps.run.first_trial import (
    failures_told,
    shown,
)
from sweeps.search.lanes import lanes_of
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Outcome

if TYPE_CHECKING:
    from trainables.training.plan import Plan
    from trainables.training.workshop import Workshop


@dataclass(frozen=True)
class _Seen:
    """A first trial that was trained for a few steps, and the base before it."""

    base: Evaluation
    plan: Plan
    watch: Stopwatch
    outcome: Outcome


def measure_training(tried: Tried) -> DryRun:
    """The first trial timed over a few steps, and the quote by it."""
    workshop = _workshop(tried)
    with failures_told(tried.params):
        base = base_of(workshop, tried.config, tried.progress)
        refuse_if_too_short(tried.spec, least_of_trial(tried.config, base))
        tried, grown = _grown(tried, workshop)
        seen = _trained(tried, workshop, base)
    _refuse_diverged(seen.outcome, tried.params, seen.watch.steps)
    known = course_seen(workshop, tried.config, seen.watch, seen.outcome)
    quote, untimed = quoted(tried, workshop, known, base.cost.generation_seconds)
    run = _timed(tried, workshop, seen)
    notes = (*run.notes, *grown, *untimed, *_much_evaluation(tried, run))
    return replace(run, quote=quote, notes=notes)


def _workshop(tried: Tried) -> Workshop:
    """One that trains as a slot of the sweep does."""
    from trainables.lanes.alone import LaneWorkshop
    from trainables.training.workshop import Workshop

    kind = Workshop if lanes_of(tried.spec) == 1 else LaneWorkshop
    return kind(tried.prepared.inputs, progress=tried.progress)


def _trained(tried: Tried, workshop: Workshop, base: Evaluation) -> _Seen:
    plan = workshop.plan(tried.config, workers=1)
    steps = steps_to_time(tried.config, seconds_of_step(workshop, plan, base))
    with tried.progress.phase("training a few steps"):
        watch, outcome = watched(workshop, tried.config, steps)
    return _Seen(base, plan, watch, outcome)


def _timed(tried: Tried, workshop: Workshop, seen: _Seen) -> DryRun:
    spec, config, plan, watch = tried.spec, tried.config, seen.plan, seen.watch
    found, cost = extents(spec, tried.prepared.inputs), seen.outcome.cost
    # How long answers get is known only of those that were written.
    answered = config.learns.rolls_out
    tokens = cost.tokens / watch.steps if answered else float(plan.tokens_after[-1]) / plan.steps
    times = config.evaluation.times(config.budget.evaluations)
    run = begun(tried, workshop, seen.base, watch.last, cost)
    return replace(
        run,
        seconds_per_step=watch.seconds_per_step,
        evaluation_seconds=watch.evaluation_seconds,
        tokens_per_second=tokens / watch.seconds_per_step,
        timed_steps=watch.steps,
        steps=plan.steps,
        evaluations=len(plan.points),
        before_end=before_end(spec, tried.prepared.inputs),
        budget=description(spec, found),
        generation_seconds=times * seen.base.cost.generation_seconds,
        notes=(*run.notes, *_slow(spec, config), *remarks(spec, found)),
    )


def _slow(spec: SweepSpec, config: TrialConfig) -> list[str]:
    import torch

    from trainables.training import slow_precision

    gpu = torch.cuda.is_available() and spec.slots.gpus != 0
    return slow_precision.remarks(slow_precision.asked(config), "this CPU", gpu)


def _much_evaluation(tried: Tried, run: DryRun) -> Iterator[str]:
    """A note where evaluation takes more of a trial than its file allows."""
    spec, inputs = tried.spec, tried.prepared.inputs
    share = evaluation_share(spec, inputs, extents(spec, inputs))
    if share and (note := share.note(tried.config.evaluation.time_share, run.evaluation_share)):
        yield note


def _refuse_diverged(outcome: Outcome, params: dict[str, Value], steps: int) -> None:
    if outcome.ending is not Ending.COMPLETE:
        raise SweepError(
            f"the sweep's first trial ({shown(params)}) diverged within {steps} steps: "
            f"{outcome.error}; lower learning_rate or its range, or change search.first_points"
        )


def _grown(tried: Tried, workshop: Workshop) -> tuple[Tried, list[str]]:
    """The same with the micro-batch that a slot would find, and a note on it; as it is where the
    sweep sets one."""
    if not tried.config.micro_batch_grows:
        return tried, []
    from trainables.planning.growth import with_grown_micro_batch

    with tried.progress.phase("finding the fastest micro-batch size"):
        size = with_grown_micro_batch(workshop, tried.config).micro_batch_size
    found = {"micro_batch_size": size}
    spec = replace(tried.spec, trial=tried.spec.trial.with_params(found))
    fitted = replace(tried.fitted, spec=spec)
    note = f"micro_batch_size: auto is {size} here; each slot finds its own"
    return replace(tried, fitted=fitted, config=tried.config.with_params(found)), [note]

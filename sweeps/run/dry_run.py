"""A dry run: one trial for a few steps on this machine, in this process, and its cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from results.records.quote import Quote
from search_spaces.values import Value
from sweeps.base.errors import SweepError
from sweeps.base.process_state import random_state_kept
from sweeps.base.quiet import optuna_quiet, quiet
from sweeps.caps.quotes import keep
from sweeps.caps.timing import (
    STEPS,
    Stopwatch,
    course_seen,
    least_of_trial,
    seconds_of_step,
    steps_to_time,
    threads,
    watched,
)
from sweeps.caps.too_short import refuse_below_start, refuse_if_too_short
from sweeps.caps.trained_tokens import refuse_below_one_trial
from sweeps.home.home import SweepHome
from sweeps.inputs.affordable_examples import remark, settled
from sweeps.inputs.budgets import description, extents, remarks
from sweeps.inputs.evaluation_share import before_end, evaluation_share
from sweeps.inputs.prepare import checked_inputs
from sweeps.inputs.priors import primed
from sweeps.planning.cards import named_by
from sweeps.run.first_trial import (
    config_of,
    failures_told,
    first_of,
    first_that,
    method_in,
    refuse_here,
    shown,
    untouched,
)
from sweeps.run.fitting import fitted_here, settle_method_here
from sweeps.run.repeats import most_repeats
from sweeps.run.tried import Tried, quoted, room_of
from sweeps.run.warm_start import read_earlier
from sweeps.search.lanes import lanes_of
from sweeps.search.options import check_options, first_params
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from sweeps.storage.storage import check_storage
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Outcome
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.methods.registry import METHODS
from trainables.training.scoring.judge import check_judges

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


@dataclass(frozen=True)
class DryRun:
    """Measurements, and the estimate for the whole sweep on one slot like this machine."""

    params: dict[str, Value]
    slots: str
    data: str
    base_metrics: dict[str, float]
    trial_metrics: dict[str, float]
    seconds_per_step: float
    evaluation_seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    trainable_parameters: int
    total_parameters: int
    steps: int
    evaluations: int
    trials: int
    repeats: int = 0
    before_end: float = 1.0
    timed_steps: int = STEPS
    budget: str = ""
    generation_seconds: float = 0.0
    answer_seconds: Mapping[str, float] = field(default_factory=dict)
    on_gpu: bool = False
    edits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    slots_fit: bool = True
    quote: Quote | None = None

    @property
    def trial_seconds(self) -> float:
        """Training and evaluating one trial at its whole budget."""
        others = self.steps * self.seconds_per_step + self.generation_seconds
        return others + (1 + (self.evaluations - 1) * self.before_end) * self.evaluation_seconds

    @property
    def evaluation_share(self) -> float:
        """The share of a trial's time in which it is evaluated, without answers."""
        return (
            1 - (self.steps * self.seconds_per_step + self.generation_seconds) / self.trial_seconds
        )

    @property
    def sweep_seconds(self) -> float:
        """All trials and repeats in a row at their whole budget; early stopping makes it less."""
        return (self.trials + self.repeats) * self.trial_seconds


def dry_run(spec: SweepSpec, home: SweepHome, progress: Progress = NO_PROGRESS) -> DryRun:
    """Try the sweep's first trial; it raises the errors that the sweep would raise.

    Runs in one process, so without DeepSpeed, which shares a trial's state among several.
    """
    if not spec.trial.learns.trains:
        raise SweepError(
            f"objective {spec.trial.objective} trains nothing, so a dry run has nothing to "
            "measure; launch the sweep instead"
        )
    with optuna_quiet():
        check_options(spec)
    named_by(spec)
    refuse_below_start(spec)
    spec, choice = settle_method_here(spec, home.cache, progress)
    read_earlier(spec, home)
    check_storage(spec)
    with quiet(), optuna_quiet(), random_state_kept():
        params = first_params(spec, lambda found: METHODS[method_in(spec, found)].trains)
        config = config_of(spec, params)
        refuse_here(config)
        check_judges(spec.trial)
        with progress.phase("preparing model and data"):
            prepared = checked_inputs(spec, home.cache, progress=progress)
        given, spec = spec, settled(spec, prepared.inputs)
        refuse_below_one_trial(spec, prepared.inputs)
        fitted = fitted_here(spec, prepared, progress)
        begun, prior = primed(fitted.spec, prepared)
        fitted = replace(fitted, spec=begun)
        params, alone = first_that(fitted, lambda method: METHODS[method].trains)
        tried = Tried(fitted, prepared, alone, params, room_of(fitted.spec), progress)
        with threads(tried.room.cpus):
            found = _measure(tried) if alone.tunes.trains else _measure_untrained(tried)
    if found.quote and spec.budget_trials is not None:
        keep(home.cache, spec, found.quote)
    own = (str(choice) if choice else "", remark(given, spec), prior, fitted.note)
    return replace(found, edits=fitted.said, notes=(*filter(None, own), *found.notes))


def _slow(spec: SweepSpec, config: TrialConfig) -> list[str]:
    import torch

    from trainables.training import slow_precision

    gpu = torch.cuda.is_available() and spec.slots.gpus != 0
    return slow_precision.remarks(slow_precision.asked(config), "this CPU", gpu)


def _measure(tried: Tried) -> DryRun:
    progress = tried.progress
    workshop = _workshop(tried)
    with failures_told(tried.params):
        with progress.phase("measuring the base model"):
            base = workshop.measure_base(tried.config)
        refuse_if_too_short(tried.spec, least_of_trial(tried.config, base))
        tried, grown = _grown(tried, workshop)
        spec, config = tried.spec, tried.config
        plan = workshop.plan(config, workers=1)
        found = extents(spec, tried.prepared.inputs)
        steps = steps_to_time(config, seconds_of_step(workshop, plan, base))
        with progress.phase("training a few steps"):
            watch, outcome = watched(workshop, config, steps)
    _refuse_diverged(outcome, tried.params, steps)
    answers, known = base.cost.generation_seconds, course_seen(workshop, config, watch, outcome)
    quote, untimed = quoted(tried, workshop, known, answers)
    cost, step = outcome.cost, watch.seconds_per_step
    # How long answers get is known only of those that were written.
    answered = config.learns.rolls_out
    tokens = cost.tokens / watch.steps if answered else float(plan.tokens_after[-1]) / plan.steps
    remarked = (*tried.prepared.remarks, *_slow(spec, config), *remarks(spec, found))
    share = evaluation_share(spec, tried.prepared.inputs, found)
    run = DryRun(
        params=tried.params,
        slots=tried.room.slots,
        slots_fit=tried.room.fits,
        data=tried.prepared.description,
        base_metrics=dict(base.metrics),
        trial_metrics=dict(watch.last.metrics) if watch.last else {},
        seconds_per_step=step,
        evaluation_seconds=watch.evaluation_seconds,
        tokens_per_second=tokens / step,
        peak_memory_bytes=cost.peak_memory_bytes,
        on_gpu=workshop.device.type == "cuda",
        trainable_parameters=cost.trainable_parameters,
        total_parameters=cost.total_parameters,
        timed_steps=watch.steps,
        steps=plan.steps,
        evaluations=len(plan.points),
        trials=spec.trials,
        repeats=most_repeats(spec),
        before_end=before_end(spec, tried.prepared.inputs),
        budget=description(spec, found),
        generation_seconds=config.evaluation.times(config.budget.evaluations) * answers,
        quote=quote,
        notes=(*remarked, *grown, *untimed),
    )
    much = share.note(config.evaluation.time_share, run.evaluation_share) if share else ""
    return replace(run, notes=(*run.notes, much)) if much else run


def _workshop(tried: Tried) -> Workshop:
    """One that trains as a slot of the sweep does."""
    from trainables.lanes.alone import LaneWorkshop
    from trainables.training.workshop import Workshop

    kind = Workshop if lanes_of(tried.spec) == 1 else LaneWorkshop
    return kind(tried.prepared.inputs, progress=tried.progress)


def _refuse_diverged(outcome: Outcome, params: dict[str, Value], steps: int) -> None:
    if outcome.ending is not Ending.COMPLETE:
        raise SweepError(
            f"the sweep's first trial ({shown(params)}) diverged within {steps} steps: "
            f"{outcome.error}; lower learning_rate or its range, or change search.first_points"
        )


def _measure_untrained(tried: Tried) -> DryRun:
    """The answers of each method that trains nothing; trials that train are not timed."""
    from trainables.training.workshop import Workshop

    spec, config, progress = tried.spec, tried.config, tried.progress
    workshop = Workshop(tried.prepared.inputs, progress=progress)
    runs = {}
    with failures_told(tried.params):
        with progress.phase("measuring the base model"):
            base = workshop.measure_base(untouched(config))
        for method in (each.name for each in methods_of(spec.trial, spec.space)):
            mine = config if method == config.method else first_of(tried.fitted, method)[1]
            if not mine.tunes.trains:
                with progress.phase(f"timing method {method}"):
                    watch = Stopwatch()
                    runs[method] = (workshop.train(mine, watch), watch.last)
    outcome, measured = runs[config.method]
    costs = [outcome.cost for outcome, _ in runs.values()]
    answers = max(each.generation_seconds for each in costs)
    return DryRun(
        params=tried.params,
        slots=tried.room.slots,
        slots_fit=tried.room.fits,
        data=tried.prepared.description,
        base_metrics=dict(base.metrics),
        trial_metrics=dict(measured.metrics) if measured else {},
        seconds_per_step=0.0,
        evaluation_seconds=max(each.seconds for each in costs) - answers,
        tokens_per_second=0.0,
        peak_memory_bytes=max(each.peak_memory_bytes for each in costs),
        on_gpu=workshop.device.type == "cuda",
        trainable_parameters=0,
        total_parameters=outcome.cost.total_parameters,
        steps=0,
        evaluations=1,
        trials=spec.trials,
        repeats=most_repeats(spec),
        generation_seconds=answers,
        answer_seconds={
            name: seen.metrics["eval_answer_seconds"]
            for name, (_, seen) in runs.items()
            if seen and "eval_answer_seconds" in seen.metrics
        },
        notes=(*tried.prepared.remarks, *_not_timed(spec)),
    )


def _not_timed(spec: SweepSpec) -> Iterator[str]:
    """A note on methods that train, where the first trials do not."""
    if trained := [each.name for each in methods_of(spec.trial, spec.space) if each.trains]:
        yield (
            f"method {' and '.join(trained)}: not timed, since none of the sweep's first trials "
            "has it, so the sweep takes longer than this"
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

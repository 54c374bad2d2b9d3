"""A dry run in words."""

from __future__ import annotations

from rich.table import Table

from results.records.cluster_record import HOUR
from results.records.quote import Quote
from sweeps.display.duration import between, duration
from sweeps.display.parameters import show_params
from sweeps.run.dry_run.result import DryRun
from sweeps.run.repeats import share_of_confirmation
from sweeps.search.lanes import lanes_said, most_lanes
from sweeps.spec.spec import SweepSpec
from trainables.config.evaluation import too_long


def report(spec: SweepSpec, run: DryRun) -> Table:
    """The tried values, the measurements, and the estimated cost of the sweep."""
    share = run.trainable_parameters / run.total_parameters
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "spec": f"{spec.name}: {spec.extent}, {len(spec.space)} searched parameters",
        "data": run.data,
        "budget": run.budget,
        "tried": f"{_tried(run)}{_engine(spec)}",
        "parameters": f"{run.trainable_parameters:,} trained of {run.total_parameters:,} "
        f"({share:.2%})",
        **{
            metric: f"{run.base_metrics[metric]:.4f} before, {run.trial_metrics[metric]:.4f} after"
            for metric in spec.search.goals
        },
        "speed": _speed(run),
        **_generation(spec, run),
        "peak memory": f"{run.peak_memory_bytes / 2**20:,.0f} MiB {_counted(run)}",
        "a trial": _trial(run),
        **({"confirmation": " ".join(share_of_confirmation(spec))} if spec.confirm else {}),
        "slots": run.slots,
        **_lanes(spec, run),
        "the sweep": _sweep(spec, run) + _caveats(spec, run),
    }
    edits, notes = (("edited", edit) for edit in run.edits), (("note", note) for note in run.notes)
    for name, text in (*rows.items(), *edits, *notes):
        table.add_row(name, text)
    return table


def _counted(run: DryRun) -> str:
    return "of the GPU, for tensors" if run.on_gpu else "of this process, libraries included"


def _tried(run: DryRun) -> str:
    what = f"{run.timed_steps} steps" if run.steps else "answers without training"
    return f"{what} with {show_params(run.params)}" if run.params else what


def _trial(run: DryRun) -> str:
    evaluations = f"{run.evaluations} evaluation{'s' * (run.evaluations != 1)}"
    share = f", {run.evaluation_share:.0%} of it evaluation, as measured" if run.steps else ""
    return f"{run.steps} steps and {evaluations}: {duration(run.trial_seconds)}{share}"


def _speed(run: DryRun) -> str:
    if run.steps:
        return (
            f"{run.seconds_per_step:.3g} s per step, {run.tokens_per_second:,.0f} tokens/s, "
            f"{run.evaluation_seconds:.3g} s per evaluation"
        )
    answers = [f"{name} {each:.3g} s per answer" for name, each in run.answer_seconds.items()]
    return ", ".join(answers) or f"{run.evaluation_seconds:.3g} s per evaluation"


def _sweep(spec: SweepSpec, run: DryRun) -> str:
    """What the whole sweep takes, by the quote if there is one."""
    quote = run.quote
    if quote is None:
        once = duration(run.sweep_seconds)
        return f"about {once} on one slot like this machine, plus half a minute to start"
    one = f"a trial takes {between(quote.shortest, quote.longest)}"
    if spec.budget_trials is None:
        return f"{one} on a slot like this machine; {spec.extent}"
    slots = f"{quote.slots} slot{'s' * (quote.slots > 1)} like this machine"
    clock = f"{between(quote.clock_low, quote.clock_high)} on {slots}"
    work = f"{between(quote.low, quote.high)} of a slot's time{_money(spec, quote)}"
    whole = f"without early stopping {between(quote.unstopped_low, quote.unstopped_high)}"
    stops = spec.search.early_stopping_kind.stops or spec.search.patience is not None
    parts = [work, *_forks(quote), whole if stops else one]
    return f"{clock}, half a minute to start included: {'; '.join(parts)}"


def _lanes(spec: SweepSpec, run: DryRun) -> dict[str, str]:
    """The lanes of a slot; of several, the dry run has timed one."""
    said = lanes_said(spec)
    one = "; the estimate is for one" if run.steps and most_lanes(spec) > 1 else ""
    return {"lanes": said + one} if said else {}


def _forks(quote: Quote) -> list[str]:
    """What forks save, if they do."""
    if not quote.saved_high:
        return []
    return [f"forks save another {between(quote.saved_low, quote.saved_high)}"]


def _money(spec: SweepSpec, quote: Quote) -> str:
    """GPU-hours, and dollars for each priced type of node, if every slot holds one of it."""
    settings, words = spec.slots, ""
    hours = (quote.low / HOUR, quote.high / HOUR)
    if isinstance(settings.gpus, float) and settings.gpus:
        low, high = (each * settings.workers * settings.gpus for each in hours)
        words += f", {low:.3g} to {high:.3g} GPU-hours"
    for kind, price in settings.prices.items():
        low, high = (each * price for each in hours)
        words += f", ${low:,.2f} to ${high:,.2f} if a slot has a {kind} to itself"
    return words


def _generation(spec: SweepSpec, run: DryRun) -> dict[str, str]:
    """The time of generating answers in a trial, if it does."""
    if not run.generation_seconds:
        return {}
    if not run.steps:
        return {"answers": f"{duration(run.generation_seconds)} of a trial"}
    share, most = run.generation_seconds / run.trial_seconds, spec.trial.evaluation.time_share
    note = f". {too_long(share, most)}" if share > most else ""
    return {"answers": f"{duration(run.generation_seconds)} of a trial ({share:.0%}){note}"}


def _engine(spec: SweepSpec) -> str:
    return "" if spec.trial.deepspeed is None else "; in one process, without DeepSpeed"


def _caveats(spec: SweepSpec, run: DryRun) -> str:
    """Reasons that the sweep may cost more or less than its first trial suggests."""
    early = "; less with early stopping" if spec.search.early_stopping_kind.stops else ""
    if run.quote is not None:
        return ""
    steps = "batch_size" in spec.space and spec.trial.budget.steps is not None
    return early + ("; more with larger batches than the one tried" if steps else "")

"""A sweep's progress, for people. Pure but for the printing."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.filesize import decimal

from results.ranking.front import judge
from results.ranking.summary import repeat_counts, trial_counts
from results.ranking.winners import Ranking
from results.records.cluster_record import ClusterRecord
from results.records.method_choice import choice_of
from results.records.prior import in_words
from results.records.record import SweepRecord, SweepState, TrialRecord
from sweeps.display.cluster_report import cluster_report
from sweeps.display.live import show_metrics
from sweeps.display.parameters import show_params
from sweeps.display.reasons import troubles
from sweeps.home.home import SweepFolder
from sweeps.report.caps import caps_lines
from sweeps.report.exhausted import exhausted
from sweeps.report.going_on import resume_command
from sweeps.report.waiting import left_to_train, unseated, waiting
from sweeps.verdict.overlaps import all_overlaps
from sweeps.verdict.results import Results


def show_status(
    console: Console,
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    folder: SweepFolder,
    cluster: ClusterRecord | None = None,
) -> None:
    """Print state, trial counts, the best trial or the front, slots, nodes and their cost if
    known, and size."""
    lines = _progress(Results(folder, sweep, trials))
    _print(console, [*lines, *waiting(folder, sweep.state, trials)])
    if cluster is not None:
        runs = sweep.state is SweepState.RUNNING
        console.print(cluster_report(cluster, runs, time.time()))
        _print(console, unseated(cluster, trials) if runs else [])
    _print(console, _folder(sweep, folder))


def _progress(results: Results) -> list[str]:
    sweep, trials = results.sweep, results.trials
    counts = trial_counts(sweep, trials)
    listed = "  ".join(f"{status} {count}" for status, count in counts.items() if count)
    nobody = ", without a winner" if _without_winner(sweep, results.ranking) else ""
    lines = [f"{sweep.name}: {sweep.state.value}{nobody}", listed or "no trials yet"]
    lines += [f"failed: {sweep.error}"] if sweep.error else []
    if choice := choice_of(sweep):
        lines.append(str(choice))
    lines += [f"prior: {in_words(sweep.priors)}"] if sweep.priors else []
    lines += exhausted(sweep, sum(trial.status.ended for trial in trials))
    lines += caps_lines(sweep, results.folder)
    lines += [f"warning: {text}" for text in sweep.breakdowns]
    for winner in results.ranking.chosen:
        word = "front" if sweep.other_metrics else "best"
        values = show_metrics(winner.best.metrics, sweep.goals)
        params = show_params(winner.record.params)
        lines.append(f"{word}: trial {winner.record.number}  {values}  {params}")
    if base := show_metrics(sweep.base, sweep.goals):
        lines.append(f"base model: {base}")
    lines += _confirmation(results)
    return lines + troubles(trials, sweep.metric) + all_overlaps(sweep)


def _without_winner(sweep: SweepRecord, ranking: Ranking) -> bool:
    """Whether it has ended and no trial can be compared: all have diverged, say."""
    return sweep.state is SweepState.COMPLETE and not ranking.winners


def _confirmation(results: Results) -> list[str]:
    """The repeats with fresh seeds, and who leads by their means; empty without any."""
    repeats = results.folder.repeats()
    if not repeats:
        return []
    counts = "  ".join(f"{name} {count}" for name, count in repeat_counts(repeats).items())
    found = results.confirmed
    led = f"  best mean: trial {found.winner.number}" if found else ""
    return [f"confirmation: {counts}{led}"]


def _folder(sweep: SweepRecord, folder: SweepFolder) -> list[str]:
    lines = [f"{decimal(folder.size())} in {folder.path}"]
    if sweep.tracking_source:
        where = f"{sweep.tracking_uri}, experiment {sweep.experiment}"
        lines.append(f"MLflow: {where} (from {sweep.tracking_source})")
    if sweep.state is SweepState.FAILED and not folder.store.trials():
        lines.append("it ended before its first trial; launch it again")
    elif sweep.state in (SweepState.INTERRUPTED, SweepState.FAILED) and not sweep.reached:
        left = left_to_train(sweep, folder.trials())
        lines.append(f"to resume: {resume_command(sweep, folder)}{f' ({left})' if left else ''}")
    return lines


def _print(console: Console, lines: Sequence[str]) -> None:
    if lines:
        console.print("\n".join(lines), soft_wrap=True)


def list_row(folder: SweepFolder) -> tuple[str, ...]:
    """A sweep in a list: name, state, number of ended trials, and best value."""
    sweep, trials = folder.sweep_record(), folder.trials()
    ended = sum(trial.status.ended for trial in trials)
    count = f"{ended} of {sweep.expected(trials) or len(trials)}"
    return sweep.name, sweep.state.value, count, in_a_word(sweep, trials)


def in_a_word(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> str:
    """The best value or the size of the front, for a list; empty if there is none so far."""
    ranking = judge(trials, sweep.goals)
    if _without_winner(sweep, ranking):
        return "no winner"
    if ranking.several:
        return f"front of {len(ranking.winners)}" if ranking.winners else ""
    return "".join(show_metrics(each.best.metrics, sweep.goals) for each in ranking.chosen)

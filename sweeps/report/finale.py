"""The end of a sweep in the terminal: the winner, its lead, its certainty, and next steps."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.text import Text

from results.ranking.figures import places
from results.ranking.winners import Ranking, Winner, margin
from results.records.record import SweepRecord, SweepState
from sweeps.advice.linter import advise
from sweeps.display.cluster_report import cost_line
from sweeps.display.reasons import grouped
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.home.home import SweepFolder, SweepHome, is_from_afar
from sweeps.report.caps import caps_lines
from sweeps.report.confirmed import confirmed_table
from sweeps.report.each_method import each_method
from sweeps.report.exhausted import exhausted
from sweeps.report.fewer_pieces import fewer_pieces
from sweeps.report.front import front_table
from sweeps.report.generation_time import judge_note, time_note
from sweeps.report.going_on import resume_command
from sweeps.report.suggestions import next_command, suggestions
from sweeps.report.ui import how_to_open
from sweeps.report.waiting import waiting
from sweeps.verdict.conclusion import conclusion, nobody
from sweeps.verdict.confirmed import folder_of, repeat_to_use
from sweeps.verdict.paired import paired
from sweeps.verdict.results import Results
from sweeps.verdict.single import amount, at_the_top
from trainables.board.job import WEIGHTS

SHOWN = 5
"""Default number of winners shown, or of reasons for their absence."""

_MOST_REASONS = 200
"""Reasons why trials are not ranked: after thousands of trials, nobody reads them in a terminal."""


def show_result(
    console: Console, results: Results, top: int | None = None, at_the_end: bool = True
) -> None:
    """Print `top` of the winners (None: a handful, or the whole front) and what to do next: at the
    end of a sweep, or for `sweep winners`."""
    sweep, ranking, folder = results.sweep, results.ranking, results.folder
    if sweep.error:
        console.print(Text(f"\nThe sweep failed: {sweep.error}", "bold red"))
    for text in sweep.breakdowns:
        console.print(Text(f"\nDuring the sweep: {text}", "yellow"))
    if not ranking.winners:
        console.print(_nobody(sweep, ranking))
    elif ranking.several:
        console.print(front_table(sweep, ranking, top))
    else:
        console.print(_winners_table(results, top or SHOWN))
    if ranking.winners:
        console.print(confirmed_table(results))
        console.print(_sentences(*conclusion(results)))
    if ranking.winners and not ranking.several and (methods := each_method(ranking)):
        console.print(methods)
    console.print(_left_out(ranking))
    notes = time_note(folder), judge_note(sweep, folder), fewer_pieces(folder.store.trials())
    for note in filter(None, notes):
        console.print(Text(note, "dim"))
    for line in (*exhausted(sweep, _ended(ranking)), *caps_lines(sweep, folder)):
        console.print(line, soft_wrap=True)
    for line in waiting(folder, sweep.state, results.trials):
        console.print(line, soft_wrap=True)
    _show_cost(console, folder)
    if at_the_end and folder.books.exists():
        console.print(suggestions(advise(results), next_command(folder)))
    console.print(_next_commands(results, at_the_end))


def show_left_out(console: Console, results: Results) -> None:
    """Print why trials are not ranked; a shared reason once, and none that `show_result` told."""
    told = 0 if results.ranking.winners or results.sweep.so_far else SHOWN
    lines = _reasons(results.ranking)[told:]
    for line in lines[:_MOST_REASONS]:
        console.print(f"  {line}", style="dim")
    hidden = len(lines) - _MOST_REASONS
    if hidden > 0:
        console.print(f"  and {hidden:,} more reasons; --json has those of all trials", style="dim")


def _show_cost(console: Console, folder: SweepFolder) -> None:
    cluster = folder.store.cluster()
    if cluster is not None and cluster.cost is not None:
        console.print(Text(cost_line(cluster, "Cost"), "dim"))


def _winners_table(results: Results, top: int) -> RenderableType:
    """The best trials by the search; `behind` is the distance to the first with its standard
    error."""
    sweep, ranking, folder = results.sweep, results.ranking, results.folder
    shown = ranking.winners[:top]
    tied = {winner.record.number for winner in at_the_top(ranking)}
    best = results.chosen if results.confirmed else tied
    digits = places(winner.value for winner in shown)
    rows = [
        TrialRow(
            (
                str(winner.record.number),
                f"{winner.value:.{digits}f}",
                _behind(sweep, shown[0], winner, folder),
            ),
            winner.record.params,
            style="bold green" if winner.record.number in best else "",
        )
        for winner in shown
    ]
    titles = dict.fromkeys(("trial", sweep.metric, "behind"), 0)
    table = TrialTable(titles, rows, full=f"trial {shown[0].record.number} in full")
    once = ", each trained once" if results.confirmed else ""
    title = f"\n{sweep.name}: the best of {ranking.trials} trials{once}{sweep.so_far}"
    hidden = len(ranking.winners) - len(shown)
    option = SweepHome(folder.path.parents[1]).way()
    more = f"and {hidden} more: sweep winners {sweep.name} --top {len(ranking.winners)}{option}"
    return Group(Text(title, "bold"), table, *([Text(more, "dim")] if hidden else []))


def _behind(sweep: SweepRecord, first: Winner, other: Winner, folder: SweepFolder) -> str:
    if other is first:
        return ""
    if other.value == first.value:
        return "tied"
    lead = margin(first, other, None, sweep.mode).to_next or 0.0
    return amount(lead, paired(sweep, folder, first.record.number, other.record.number))


def _sentences(who: str, how_sure: str) -> Text:
    return Text.assemble("\n", (who, "bold"), f"\n{how_sure}" if how_sure else "")


def _nobody(sweep: SweepRecord, ranking: Ranking) -> Text:
    if sweep.so_far:
        return Text(f"\n{nobody(sweep, ranking)}", "bold")
    text = Text(f"\n{nobody(sweep, ranking)}", "bold red")
    for line in _reasons(ranking)[:SHOWN]:
        text.append(f"\n  {line}", "not bold")
    return text


def _reasons(ranking: Ranking) -> list[str]:
    return grouped((trial.number, trial.why) for trial in ranking.left_out)


def _left_out(ranking: Ranking) -> RenderableType:
    kinds: dict[str, int] = {}
    for trial in ranking.left_out:
        kind = trial.status.value if trial.dominated_by is None else "dominated"
        kinds[kind] = kinds.get(kind, 0) + 1
    if not kinds:
        return Group()
    listed = ", ".join(f"{count} {status}" for status, count in kinds.items())
    return Text(f"Not ranked: {listed}.", "dim")


def _next_commands(results: Results, at_the_end: bool) -> Text:
    sweep, folder = results.sweep, results.folder
    home = SweepHome(folder.path.parents[1])
    mlflow = how_to_open(sweep, home)
    interrupted = sweep.state is SweepState.INTERRUPTED
    text = Text("\nNext:\n")
    if interrupted:
        text.append(f"  {resume_command(sweep, folder)}\n", "yellow")
    if at_the_end:
        text.append(f"  sweep winners {sweep.name}{home.way()}\n")
    elif sweep.so_far:
        text.append(f"  sweep status {sweep.name}{home.way()}\n")
    text.append(f"  {mlflow}")
    numbers = [winner.record.number for winner in results.ranking.chosen]
    weights = {number: folder.store.trial_folder(number) / WEIGHTS for number in numbers}
    kept = {number: place for number, place in weights.items() if place.is_dir()}
    if kept and not sweep.so_far and not is_from_afar():
        text.append(f"\n  sweep export {sweep.name} --to NEW_FOLDER{home.way()}")
    if not sweep.so_far and folder.report.exists():
        text.append(f"\nReport: {folder.report}")
    for number, place in kept.items():
        text.append(f"\nWeights of trial {number}: {place}")
    found = results.confirmed
    if found and (repeat := repeat_to_use(sweep, folder, found.winner.number)):
        place = folder_of(folder, repeat) / WEIGHTS
        text.append(f"\nWeights of {repeat.called}, the best of its seeds: {place}")
    if interrupted:
        text.append("\nThe sweep was interrupted; all results so far are saved.", "yellow")
    return text


def _ended(ranking: Ranking) -> int:
    return len(ranking.winners) + sum(trial.status.ended for trial in ranking.left_out)

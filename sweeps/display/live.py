"""A running sweep in a terminal: a live table of trials, and a bar for other long phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from results.ranking.figures import latest, size
from results.ranking.winners import Winner
from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord, TrialStatus
from sweeps.base.view import View
from sweeps.display.duration import duration, so_far
from sweeps.display.parameters import show_params
from sweeps.display.remarks import Remarks
from sweeps.display.standing import LATEST, Standing
from sweeps.display.trial_table import TrialRow, TrialTable
from sweeps.display.underway import Glimpse, Underway
from trainables.core.progress import Phases

ROWS = LATEST
"""Trials shown at once: the running ones, then the latest ended ones."""

_NO_BAR_BEFORE = 1.0
"""Seconds before a bar appears."""

_BAR = 12  # columns

REASONS = 2
"""Reasons for failed trials shown at once."""

STYLES: Mapping[TrialStatus, str] = {
    TrialStatus.WAITING: "dim",
    TrialStatus.RUNNING: "cyan",
    TrialStatus.COMPLETE: "green",
    TrialStatus.PRUNED: "yellow",
    TrialStatus.DIVERGED: "red",
    TrialStatus.FAILED: "red",
    TrialStatus.INFEASIBLE: "red",
    TrialStatus.INTERRUPTED: "yellow",
}


def render(standing: Standing, now: float) -> RenderableType:
    """The live display; pure, for tests."""
    return Group(
        _headline(standing, now),
        _best_line(standing),
        _table(standing, now),
        *_troubles(standing),
    )


def _headline(standing: Standing, now: float) -> Text:
    counts = standing.counts
    line = Text(f"{standing.sweep.name}  ", style="bold")
    line.append(standing.progress(), style="not bold")
    for status in TrialStatus:
        if counts[status]:
            line.append(f"  {status.value} {counts[status]}", style=f"not bold {STYLES[status]}")
    times = so_far(now - standing.began, standing.seconds_left(now))
    speed = f"{standing.tokens_per_second(now):,.0f} tokens/s"
    line.append("\n" + "  ".join((standing.slots, *standing.lacks(), speed, times)), "not bold dim")
    return line


def _best_line(standing: Standing) -> Text:
    chosen, goals = standing.chosen(), standing.sweep.goals
    line = Text("" if chosen else "no trial is complete yet", style="green")
    if chosen and len(goals) > 1:
        line.append(f"front so far {_trials(len(chosen))}  ", style="bold")
        line.append("  ".join(_range(name, chosen) for name in goals))
    elif chosen:
        (best,) = chosen
        line.append(f"best so far  {show_metrics(best.best.metrics, goals)}", style="bold")
        line.append(f"  {best.record.called}  {show_params(best.record.params)}")
    if base := show_metrics(standing.sweep.base, goals):
        line.append(f"\nbase model   {base}", style="dim")
    return line


def _range(name: str, chosen: Sequence[Winner]) -> str:
    values = [winner.best.metrics[name] for winner in chosen]
    return f"{name} {size(min(values))} to {size(max(values))}"


def _trials(count: int) -> str:
    return f"{count} trial{'s' if count > 1 else ''}"


def _table(standing: Standing, now: float) -> TrialTable:
    titles = {"trial": 5, "status": 8, "done": 4, "point": 5, "time": 6}
    rows = [_row(record, standing, now) for record in standing.latest()[-ROWS:]]
    return TrialTable(titles | dict.fromkeys(standing.sweep.goals, 9), rows, live=True)


def _row(record: TrialRecord, standing: Standing, now: float) -> TrialRow:
    last = record.last()
    points = record.config.get("budget.evaluations", "?")
    status, share, seconds = record.status.value, None, record.seconds
    if record.status is TrialStatus.RUNNING:
        status = standing.activity(record.number) or status
        share = standing.share(record.number)
        seconds = now - standing.since[record.number]
    cells = (
        record.called.removeprefix("trial "),
        status,
        "" if share is None else f"{share:.0%}",
        f"{last.point if last else 0}/{points}",
        duration(seconds),
        *(latest(last, name) if last else "" for name in standing.sweep.goals),
    )
    return TrialRow(cells, record.params, style=STYLES[record.status])


def _troubles(standing: Standing) -> Iterable[Text]:
    """The latest distinct reasons for failed trials."""
    told = standing.troubles()
    hidden = len(told) - REASONS
    yield from (Text(line, "red") for line in told[-REASONS:])
    if hidden > 0:
        yield Text(f"and {hidden} other reason{'s' if hidden > 1 else ''}", "dim")


def show_metrics(metrics: Mapping[str, float], names: Iterable[str]) -> str:
    """`eval_loss 2.1034  eval_accuracy 0.7100`, without unmeasured metrics."""
    return "  ".join(f"{name} {show_metric(metrics, name)}" for name in names if name in metrics)


def show_metric(metrics: Mapping[str, float], name: str) -> str:
    """The value to four places, or to two digits if it is smaller; empty if not measured."""
    return size(metrics[name]) if name in metrics else ""


def bar(glimpse: Glimpse | None) -> RenderableType:
    """One line for a long phase; empty for a new one."""
    if glimpse is None or glimpse.seconds < _NO_BAR_BEFORE:
        return Group()
    line = Table.grid(padding=(0, 2, 0, 0))
    # Text that could wrap shrinks first, and is cut.
    text = Text(glimpse.within or glimpse.title, "cyan", no_wrap=True, overflow="ellipsis")
    cells: list[RenderableType] = [text]
    line.add_column()
    if glimpse.share is not None:
        cells.append(ProgressBar(total=1.0, completed=glimpse.share, width=_BAR))
        line.add_column(no_wrap=True)
    cells.append(Text(so_far(glimpse.seconds, glimpse.left), "dim"))
    line.add_column(no_wrap=True)
    line.add_row(*cells)
    return line


class LiveView(View):
    """The table, redrawn as trials change; before and after it a bar. A context manager: drawing
    stops at its end."""

    def __init__(self, console: Console, clock: Callable[[], float] | None = None) -> None:
        self._console = console
        self._clock = clock or time.monotonic
        self._live: Live | None = None
        self._standing: Standing | None = None
        self._underway = Underway()
        self._remarks = Remarks()
        self._draws = False

    def __enter__(self) -> LiveView:
        self._draws = True
        return self

    def __exit__(self, *error: object) -> None:
        self._draws = False
        self._take_down()

    def say(self, text: str) -> None:
        """Print one line above the live display."""
        self._console.print(text, style="dim")

    def phase(self, text: str | None) -> None:
        """Print one line, and show a bar for a long phase."""
        if text is not None:
            self.say(text)
        self._underway.begin(text, self._clock())
        self._draw_bar()

    def at(self, phases: Phases) -> None:
        """Update the bar at its next redraw."""
        self._underway.at(phases, self._clock())
        self._draw_bar()

    def slots(self, cluster: ClusterRecord) -> None:
        """Update the bar or the table at its next redraw."""
        for remark in self._remarks.new(cluster):
            self._console.print(f"Note: {remark}", style="yellow")
        self._underway.look(cluster, self._clock())
        if self._standing:
            self._standing.cluster = cluster

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Show the table."""
        self._take_down()
        standing = self._standing = Standing(sweep, slots, self._clock())
        self._draw(lambda: render(standing, self._clock()))

    def changed(self, record: TrialRecord) -> None:
        """Update the table at its next redraw."""
        if self._standing:
            self._standing.changed(record, self._clock())

    def trials_end(self) -> None:
        """Leave the last table on the screen."""
        if self._standing:
            self._standing = None
            self._take_down()
            self._underway.begin(None, self._clock())

    def _draw_bar(self) -> None:
        if self._draws and self._live is None:
            self._draw(lambda: bar(self._underway.glimpse(self._clock())), transient=True)

    def _draw(self, picture: Callable[[], RenderableType], transient: bool = False) -> None:
        self._live = Live(
            console=self._console,
            get_renderable=picture,
            refresh_per_second=4,
            transient=transient,
        )
        self._live.start()

    def _take_down(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

"""What a running sweep looks like: one live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from results.front import judge
from results.record import SweepRecord, TrialRecord, TrialStatus
from results.winners import Winner
from sweeps.parameters import show_params
from sweeps.reasons import ToldReasons, troubles
from sweeps.trial_table import TrialRow, TrialTable

ROWS = 8
"""Trials shown at once: those that run, then the latest ended ones."""

REASONS = 2
"""Reasons shown at once for which trials did not come to their end."""

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


@dataclass
class Progress:
    """All that the table shows. `began` is when trials began, by the clock of `time.monotonic`."""

    sweep: SweepRecord
    slots: str
    began: float
    records: dict[int, TrialRecord] = field(default_factory=dict)

    def ended(self) -> int:
        """Trials that are over."""
        return sum(record.status.ended for record in self.records.values())

    def chosen(self) -> tuple[Winner, ...]:
        """The best complete trial so far, or the front so far."""
        return judge(list(self.records.values()), self.sweep.goals).chosen

    def tokens_per_second(self, now: float) -> float:
        """Training tokens of all trials over the time since trials began."""
        elapsed = now - self.began
        return sum(r.tokens for r in self.records.values()) / elapsed if elapsed > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """At the pace of the trials that ended; None before the first one did."""
        ended = self.ended()
        if not ended or self.sweep.budget_trials is None:
            return None
        return (now - self.began) / ended * (self.sweep.budget_trials - ended)


def render(progress: Progress, now: float) -> RenderableType:
    """The live picture; pure, so that a test can look at it."""
    return Group(
        _headline(progress, now), _best_line(progress), _table(progress), *_troubles(progress)
    )


def _headline(progress: Progress, now: float) -> Text:
    counts = Counter(record.status for record in progress.records.values())
    line = Text(f"{progress.sweep.name}  ", style="bold")
    line.append(f"{progress.ended()} of {progress.sweep.budget_trials} trials", style="not bold")
    for status in TrialStatus:
        if counts[status]:
            line.append(f"  {status.value} {counts[status]}", style=f"not bold {STYLES[status]}")
    line.append(f"\n{progress.slots}", style="not bold dim")
    line.append(f"  {progress.tokens_per_second(now):,.0f} tokens/s", style="not bold dim")
    left = progress.seconds_left(now)
    if left:
        line.append(f"  about {duration(left)} left", style="not bold dim")
    return line


def _best_line(progress: Progress) -> Text:
    chosen, goals = progress.chosen(), progress.sweep.goals
    line = Text("" if chosen else "no trial is complete yet", style="green")
    if chosen and len(goals) > 1:
        line.append(f"front so far {_trials(len(chosen))}  ", style="bold")
        line.append("  ".join(_range(name, chosen) for name in goals))
    elif chosen:
        (best,) = chosen
        line.append(f"best so far  {show_metrics(best.best.metrics, goals)}", style="bold")
        line.append(f"  trial {best.record.number}  {show_params(best.record.params)}")
    if base := show_metrics(progress.sweep.base, goals):
        line.append(f"\nbase model   {base}", style="dim")
    return line


def _range(name: str, chosen: Sequence[Winner]) -> str:
    values = [winner.best.metrics[name] for winner in chosen]
    return f"{name} {min(values):.4f} to {max(values):.4f}"


def _trials(count: int) -> str:
    return f"{count} trial{'s' if count > 1 else ''}"


def _table(progress: Progress) -> TrialTable:
    titles = {"trial": 5, "status": 8, "point": 5} | dict.fromkeys(progress.sweep.goals, 9)
    latest = sorted(
        (r for r in progress.records.values() if r.status is not TrialStatus.WAITING),
        key=lambda r: (not r.status.ended, r.ended or 0.0, r.number),
    )
    rows = [_row(record, progress.sweep) for record in latest[-ROWS:]]
    return TrialTable(titles, rows, live=True)


def _row(record: TrialRecord, sweep: SweepRecord) -> TrialRow:
    last = record.last()
    points = record.config.get("budget.evaluations", "?")
    cells = (
        str(record.number),
        record.status.value,
        f"{last.point if last else 0}/{points}",
        *(show_metric(last.metrics, name) if last else "" for name in sweep.goals),
    )
    return TrialRow(cells, record.params, style=STYLES[record.status])


def _troubles(progress: Progress) -> Iterable[Text]:
    """The latest reasons for which trials did not come to their end, each once."""
    told = troubles(progress.records.values(), progress.sweep.metric)
    hidden = len(told) - REASONS
    yield from (Text(line, "red") for line in told[-REASONS:])
    if hidden > 0:
        yield Text(f"and {hidden} other reason{'s' if hidden > 1 else ''}", "dim")


def show_metrics(metrics: Mapping[str, float], names: Iterable[str]) -> str:
    """`eval_loss 2.1034  eval_accuracy 0.7100`; what was not measured is left out."""
    return "  ".join(f"{name} {show_metric(metrics, name)}" for name in names if name in metrics)


def show_metric(metrics: Mapping[str, float], name: str) -> str:
    """The value to four places; empty where it was not measured."""
    return f"{metrics[name]:.4f}" if name in metrics else ""


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class LiveView:
    """The table, redrawn as trials change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._progress: Progress | None = None

    def phase(self, text: str) -> None:
        """One line above the table to come."""
        self._console.print(text, style="dim")

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Put the table up."""
        progress = Progress(sweep, slots, time.monotonic())
        self._progress = progress
        self._live = Live(
            console=self._console,
            get_renderable=lambda: render(progress, time.monotonic()),
            refresh_per_second=4,
        )
        self._live.start()

    def changed(self, record: TrialRecord) -> None:
        """The table will show it at its next redraw."""
        if self._progress:
            # A new mapping, since the drawing thread may be walking through the old one.
            self._progress.records = {**self._progress.records, record.number: record}

    def trials_end(self) -> None:
        """Leave the last picture standing."""
        if self._live:
            self._live.stop()
            self._live = None


class PlainView:
    """One line for whatever happens, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sweep: SweepRecord | None = None
        self._reasons = ToldReasons()

    def phase(self, text: str) -> None:
        """One line."""
        self._line(text)

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Say what the trials run on."""
        self._sweep = sweep
        base = show_metrics(sweep.base, sweep.goals)
        known = f", base model {base}" if base else ""
        self._line(f"{sweep.name}: {sweep.budget_trials} trials on {slots}{known}")

    def changed(self, record: TrialRecord) -> None:
        """A line for each trial that ended."""
        if self._sweep is None or not record.status.ended:
            return
        counts = record.counted(self._sweep.goals)
        values = show_metrics(counts.metrics, self._sweep.goals) if counts else ""
        why = f"({self._reasons.tell(record.number, record.error)})" if record.error else ""
        words = (f"trial {record.number}", record.status.value, values, why)
        self._line(f"{' '.join(filter(None, words))}  {show_params(record.params)}")

    def trials_end(self) -> None:
        """Nothing to take down."""

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

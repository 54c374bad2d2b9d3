"""What a running sweep looks like: one live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from results.record import SweepRecord, TrialRecord, TrialStatus
from results.winners import Winner, rank

ROWS = 8
"""Trials shown at once: those that run, then the latest ended ones."""

STYLES: Mapping[TrialStatus, str] = {
    TrialStatus.WAITING: "dim",
    TrialStatus.RUNNING: "cyan",
    TrialStatus.COMPLETE: "green",
    TrialStatus.PRUNED: "yellow",
    TrialStatus.DIVERGED: "red",
    TrialStatus.FAILED: "red",
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

    def best(self) -> Winner | None:
        """The best complete trial so far."""
        winners = rank(list(self.records.values()), self.sweep.metric, self.sweep.mode).winners
        return winners[0] if winners else None

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
    return Group(_headline(progress, now), _best_line(progress), _table(progress))


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
    best, metric = progress.best(), progress.sweep.metric
    base = progress.sweep.base.get(metric)
    line = Text("best so far  " if best else "no trial is complete yet", style="green")
    if best:
        line.append(f"{metric} {best.value:.4f}", style="bold")
        line.append(f"  trial {best.record.number}  {show_params(best.record.params)}")
    if base is not None:
        line.append(f"\nbase model   {metric} {base:.4f}", style="dim")
    return line


def _table(progress: Progress) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for title, least in (("trial", 5), ("status", 8), ("point", 5), (progress.sweep.metric, 9)):
        # Long parameters must not take the room of the numbers.
        table.add_column(title, justify="right", no_wrap=True, min_width=least)
    table.add_column("parameters", overflow="ellipsis", no_wrap=True)
    latest = sorted(
        (r for r in progress.records.values() if r.status is not TrialStatus.WAITING),
        key=lambda r: (not r.status.ended, r.ended or 0.0, r.number),
    )
    for record in latest[-ROWS:]:
        table.add_row(*_row(record, progress.sweep), style=STYLES[record.status])
    return table


def _row(record: TrialRecord, sweep: SweepRecord) -> tuple[str, ...]:
    last = record.last()
    points = record.config.get("budget.evaluations", "?")
    return (
        str(record.number),
        record.status.value,
        f"{last.point if last else 0}/{points}",
        f"{last.metrics[sweep.metric]:.4f}" if last else "",
        record.error or show_params(record.params),
    )


def show_params(params: Mapping[str, Any]) -> str:
    """Searched values, short enough to read: `learning_rate 0.00021  lora.rank 8`."""
    return "  ".join(f"{name} {show_value(value)}" for name, value in params.items())


def show_value(value: Any) -> str:
    """A number to three significant digits, a list as its items."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


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
        self._console.print(text, style="dim", highlight=False)

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

    def phase(self, text: str) -> None:
        """One line."""
        self._line(text)

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Say what the trials run on."""
        self._sweep = sweep
        base = sweep.base.get(sweep.metric)
        known = f", base model {sweep.metric} {base:.4f}" if base is not None else ""
        self._line(f"{sweep.name}: {sweep.budget_trials} trials on {slots}{known}")

    def changed(self, record: TrialRecord) -> None:
        """A line for each trial that ended."""
        if self._sweep is None or not record.status.ended:
            return
        best = record.best(self._sweep.metric, self._sweep.mode)
        value = f" {self._sweep.metric} {best.metrics[self._sweep.metric]:.4f}" if best else ""
        why = f" ({record.error})" if record.error else ""
        line = f"trial {record.number} {record.status.value}{value}{why}"
        self._line(f"{line}  {show_params(record.params)}")

    def trials_end(self) -> None:
        """Nothing to take down."""

    def _line(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

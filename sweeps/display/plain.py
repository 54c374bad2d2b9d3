"""A running sweep as plain lines, for logs and pipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console

from results.ranking.figures import latest
from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from sweeps.base.view import View
from sweeps.display.live import show_metrics
from sweeps.display.parameters import show_params
from sweeps.display.reasons import ToldReasons
from sweeps.display.remarks import Remarks
from sweeps.display.standing import Standing, number_of_trials
from sweeps.display.underway import Underway
from trainables.core.progress import Phases
from trainables.core.ticker import Ticker

EVERY = 10.0
"""Seconds between progress lines of a long phase."""

_LOOKS = 10
"""Checks in that time for a due line."""


class PlainView(View):
    """One line per event. A context manager: while open, also a progress line at least every
    `every` seconds during long phases."""

    def __init__(
        self, console: Console, every: float = EVERY, clock: Callable[[], float] | None = None
    ) -> None:
        self._console = console
        self._clock = clock or time.monotonic
        self._every = every
        loss = "progress of long phases is no longer shown"
        self._ticker = Ticker(self.tick, every / _LOOKS, "view", loss, self.say)
        self._standing: Standing | None = None
        self._underway = Underway()
        self._remarks = Remarks()
        self._reasons = ToldReasons()
        self._told = 0.0

    def __enter__(self) -> PlainView:
        self._ticker.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._ticker.__exit__(*error)

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, soft_wrap=True)

    def phase(self, text: str | None) -> None:
        """Print one line now, and progress lines of a long phase."""
        self._underway.begin(text, self._clock())
        if text is not None:
            self._tell(text)

    def at(self, phases: Phases) -> None:
        """Update the progress of the phase."""
        self._underway.at(phases, self._clock())

    def slots(self, cluster: ClusterRecord) -> None:
        """Print a line for each new remark."""
        for remark in self._remarks.new(cluster):
            self.say(f"Note: {remark}")
        self._underway.look(cluster, self._clock())
        if self._standing:
            self._standing.cluster = cluster

    def trials_begin(self, sweep: SweepRecord, slots: str) -> None:
        """Print the slots of the trials."""
        self._underway.begin(None, self._clock())
        self._standing = Standing(sweep, slots, self._clock())
        base = show_metrics(sweep.base, sweep.goals)
        known = f", base model {base}" if base else ""
        self._tell(f"{sweep.name}: {number_of_trials(sweep)} on {slots}{known}")

    def known(self, records: Sequence[TrialRecord]) -> None:
        """Print one line for all of them."""
        if self._standing is None or not records:
            return
        for record in records:
            self._standing.changed(record, self._clock())
        self._tell(self._standing.known_line())

    def changed(self, record: TrialRecord) -> None:
        """Print a line for each ended trial."""
        if self._standing is None:
            return
        self._standing.changed(record, self._clock())
        if not record.status.ended:
            return
        goals = self._standing.sweep.goals
        counts = record.counted(goals)
        values = show_metrics(counts.metrics, goals) if counts else _on_a_part(record, goals)
        why = f"({self._reasons.tell(record.number, record.error)})" if record.error else ""
        words = (record.called, record.status.value, values, why)
        self.say(f"{' '.join(filter(None, words))}  {show_params(record.params)}")

    def trials_end(self) -> None:
        """Stop the lines about trials."""
        self._standing = None

    def tick(self) -> None:
        """Print a progress line if one is due."""
        now, due = self._clock(), self._every * (1 - 1 / _LOOKS)
        standing = self._standing  # the sweep's own thread may remove it
        if now - self._told < due:
            return
        if standing:
            if standing.longest(now) >= due:
                self._tell(standing.line(now))
        elif (glimpse := self._underway.glimpse(now)) and glimpse.seconds >= due:
            self._tell(glimpse.line())

    def _tell(self, text: str) -> None:
        self._told = self._clock()
        self.say(text)


def _on_a_part(record: TrialRecord, names: Iterable[str]) -> str:
    """`eval_loss ~2.1034`: the latest values of a trial that was not measured on the whole set."""
    last = record.last()
    shown = {name: latest(last, name) for name in names} if last else {}
    return "  ".join(f"{name} {value}" for name, value in shown.items() if value)

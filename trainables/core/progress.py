"""Progress of long work: nested phases, reported to a display. Light.

    with progress.phase("reading", total=3, unit="files") as gauge:
        for file in files:
            read(file)
            gauge.advance()

The working code knows no clock, interval or terminal; the display decides what to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

BYTES = "B"
"""The unit of totals shown as 1.2 GB."""

STEP = "step"
"""The unit of totals shown as `step 3 of 20`."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Work in progress: `done` of `total` (if known), counted in `unit`."""

    text: str
    done: float = 0.0
    total: float | None = None
    unit: str = ""

    @property
    def share(self) -> float | None:
        """The fraction done, 0 .. 1; None if the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None


Phases = tuple[Phase, ...]
"""All open phases, the outermost first."""


class Gauge:
    """Reports the progress of one open phase."""

    def __init__(self, tell: Callable[[float, float | None], None]) -> None:
        self._tell = tell
        self._done = 0.0

    def advance(self, by: float = 1.0) -> None:
        """Add `by` to the work done."""
        self.set(self._done + by)

    def set(self, done: float, total: float | None = None) -> None:
        """Set the work done; `total` is given when it becomes known or changes."""
        self._done = done
        self._tell(done, total)


NO_GAUGE = Gauge(lambda done, total: None)
"""For work without a display."""


class Progress:
    """Calls `tell` with the open phases at each change, and `remark` with remarks on the work.

    For one thread only.
    """

    def __init__(
        self, tell: Callable[[Phases], None], remark: Callable[[str], None] = lambda text: None
    ) -> None:
        self._tell = tell
        self.remark = remark
        self._open: Phases = ()

    @contextmanager
    def phase(self, text: str, total: float | None = None, unit: str = "") -> Iterator[Gauge]:
        """Open a phase while the block runs."""
        outer = self._open
        self._set((*outer, Phase(text, total=total, unit=unit)))
        depth = len(outer)
        try:
            yield Gauge(lambda done, total: self._reached(depth, done, total))
        finally:
            self._set(outer)

    def _reached(self, depth: int, done: float, total: float | None) -> None:
        phases = list(self._open)
        phases[depth] = replace(phases[depth], done=done, total=total or phases[depth].total)
        self._set(tuple(phases))

    def _set(self, phases: Phases) -> None:
        self._open = phases
        self._tell(phases)


class _NoProgress(Progress):
    """Without state, so that any number of threads may share it."""

    def _set(self, phases: Phases) -> None:
        pass

    def _reached(self, depth: int, done: float, total: float | None) -> None:
        pass


NO_PROGRESS: Progress = _NoProgress(lambda phases: None)
"""For work without a display."""

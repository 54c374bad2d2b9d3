"""The Python interface: load, change and launch a sweep, and read its results.

from sweeps import Sweep

result = Sweep.load("my.yaml").with_changes({"budget.trials": 8}).launch()
result.frame()
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from results.ranking.winners import Ranking, Winner
from results.records.record import SweepRecord, TrialRecord
from sweeps.base.view import View
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.spec.fields import changed, without_alternatives
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.ranked import ranked
from trainables.core.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from results.export.exported import Exported
    from results.ranking.confirmation import Confirmation
    from results.ranking.confirmed_front import ConfirmedFront
    from sweeps.export.wish import Dtype
    from sweeps.run.dry_run.result import DryRun


@dataclass(frozen=True)
class Sweep:
    """A sweep ready to launch. Immutable; `with_changes` returns a changed copy."""

    spec: SweepSpec

    @classmethod
    def load(cls, path: str | Path) -> Sweep:
        """Read a sweep file; SpecError lists all mistakes in it."""
        return cls(SweepSpec.load(Path(path)))

    @classmethod
    def from_dict(cls, tree: Mapping[str, object]) -> Sweep:
        """A sweep from the same fields as in a file."""
        return cls(SweepSpec.parse(copy.deepcopy(dict(tree))))

    def with_changes(self, changes: Mapping[str, object]) -> Sweep:
        """A copy with dotted fields changed, e.g. {"name": "b", "budget.trials": 8}."""
        tree = without_alternatives(self.spec.tree, changes)
        for key, value in changes.items():
            tree = changed(tree, key, value)
        return Sweep.from_dict(tree)

    def dry_run(self, home: str | Path | None = None) -> DryRun:
        """Train one trial for a few steps in this process, and estimate the cost of the sweep."""
        from sweeps.run.dry_run.dry_run import dry_run

        return dry_run(self.spec, _home(home))

    def launch(
        self, home: str | Path | None = None, address: str | None = None, view: View | None = None
    ) -> SweepResult:
        """Run the sweep to its end and return its result.

        Without a `view`, prints one line for each trial and each long phase.
        """
        from sweeps.display.plain import PlainView
        from sweeps.display.terminal import TextConsole
        from sweeps.export.champion import offer
        from sweeps.run.launch import launch

        if view is None:
            with PlainView(TextConsole()) as lines:
                return self.launch(home, address, lines)
        folder = launch(self.spec, _home(home), view, address).folder
        if said := offer(folder, _home(home), Progress(view.at)):
            view.say(said)
        return SweepResult(folder)


@dataclass(frozen=True)
class SweepResult:
    """The results of a sweep on disk, running or ended."""

    folder: SweepFolder

    @classmethod
    def open(cls, name: str, home: str | Path | None = None) -> SweepResult:
        """The sweep of that name in the sweep home; SweepError if there is none."""
        return cls(_home(home).existing(name))

    @property
    def sweep(self) -> SweepRecord:
        """The sweep's record."""
        return self.folder.sweep_record()

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials' records, by number."""
        return self.folder.trials()

    def ranking(self) -> Ranking:
        """The winners, and why other trials are not ranked."""
        return ranked(self.sweep, self.trials)

    def winner(self) -> Winner | None:
        """The best complete trial; of several metrics, by the first."""
        return next(iter(self.ranking().winners), None)

    def confirmation(self) -> Confirmation | ConfirmedFront | None:
        """The best trials by means over fresh seeds; None if nothing was confirmed."""
        from sweeps.verdict.confirmed import confirmation

        return confirmation(self.sweep, self.ranking(), self.folder)

    def frame(self) -> pd.DataFrame:
        """One row for each trial, by number."""
        from results.ranking.frame import to_frame

        return to_frame(self.trials, self.sweep.goals)

    def front(self) -> pd.DataFrame:
        """One row for each trial on the Pareto front, by the first metric; else for the winner."""
        from results.ranking.frame import to_frame

        ranking = self.ranking()
        return to_frame([winner.record for winner in ranking.chosen], ranking.goals)

    def export(
        self,
        to: str | Path,
        trial: int | None = None,
        merge: bool = False,
        dtype: Dtype | None = None,
        gguf: bool = False,
    ) -> Exported:
        """Write a trial's model (by default the winner's) to a new folder, and check it."""
        from sweeps.export.export import export
        from sweeps.export.wish import Wish

        home = SweepHome(self.folder.path.parents[1])
        wish = Wish(Path(to), trial, merge, dtype, gguf=gguf)
        return export(self.folder.path.name, home, wish).model


def _home(home: str | Path | None) -> SweepHome:
    return SweepHome.find(Path(home) if home else None)

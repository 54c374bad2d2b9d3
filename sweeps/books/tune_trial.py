"""Tune's trial as the recorder sees it."""

from __future__ import annotations

from typing import Protocol, TypedDict

from sweeps.search.searcher import Suggestion
from trainables.core.evaluation import Evaluation, Outcome


class Reported(TypedDict, total=False):
    """A SlotTrial's report to Tune; both are None in a trial's second-to-last result."""

    evaluation: Evaluation | None
    outcome: Outcome | None
    done: bool
    """Tune's mark of a trial's last result, also where the scheduler makes it the last one."""


class TuneTrial(Protocol):
    """The parts of Tune's trial that the recorder reads."""

    @property
    def config(self) -> Suggestion:
        """The searcher's suggestion."""

    @property
    def last_result(self) -> Reported | None:
        """Its last report."""

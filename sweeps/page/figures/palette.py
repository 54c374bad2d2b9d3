"""Colours and marks of the charts: told apart by colour-blind readers, on light and on dark.

The hues are those of Okabe and Ito, lightened or darkened until they stand out from both grounds.
Colour never stands alone: outcomes also differ in their marks and lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from results.records.record import TrialStatus

WINNER = "#00a27a"
ACCENT = "#3b8ed0"
SECOND = "#e08a00"
QUIET = "#8a8f98"
SCALE = "Viridis"
SERIES = (
    (WINNER, "solid"),
    (ACCENT, "dash"),
    (SECOND, "dot"),
    ("#d8442b", "dashdot"),
    ("#b06aa8", "longdash"),
    (QUIET, "longdashdot"),
)
"""Colour and dash of several lines in one chart."""


@dataclass(frozen=True)
class Look:
    """How trials of one outcome look."""

    name: str
    colour: str
    symbol: str
    dash: str = "solid"


COMPLETE = Look("complete", ACCENT, "circle")
PRUNED = Look("stopped early", SECOND, "triangle-down", "dot")
DIVERGED = Look("diverged", "#d8442b", "x", "dash")
OTHER = Look("failed or unfinished", QUIET, "diamond-open", "dashdot")

LOOKS = (COMPLETE, PRUNED, DIVERGED, OTHER)


def look(status: TrialStatus) -> Look:
    """The look of a trial with this status."""
    known = {
        TrialStatus.COMPLETE: COMPLETE,
        TrialStatus.PRUNED: PRUNED,
        TrialStatus.DIVERGED: DIVERGED,
    }
    return known.get(status, OTHER)

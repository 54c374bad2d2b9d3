"""The charts of a report, in sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeps.advice.importance import Importance, importance
from sweeps.page.figures.curves import curves
from sweeps.page.figures.figure import Figure
from sweeps.page.figures.fronts import fronts
from sweeps.page.figures.importances import importances
from sweeps.page.figures.parallel import parallel
from sweeps.page.figures.progress import progress
from sweeps.page.figures.rank_map import rank_map
from sweeps.page.figures.slices import slice_of
from sweeps.verdict.results import Results

_SLICES = 2
"""Number of most important parameters with a chart of their own."""


@dataclass(frozen=True)
class Section:
    """Charts under one heading, and a sentence in place of those that there are not."""

    title: str
    figures: Sequence[Figure]
    note: str = ""


def sections(results: Results) -> list[Section]:
    """In the order of the report; without those that have nothing to show."""
    complete = importance(results, results.complete())
    everyone = importance(results, results.trials)
    names = complete.ordered(_names(results))
    found = [
        _section("Progress", [progress(results)]),
        _section("Learning curves", [curves(results)]),
        _section("All trials at a glance", [parallel(results, names)]),
        _importances(results, complete, everyone),
        _section("The most important parameters", _slices(results, names)),
        _section("Rank and learning rate", [rank_map(results)]),
        _section("Pareto front", list(fronts(results))),
    ]
    return [each for each in found if each.figures or each.note]


def _section(title: str, figures: Iterable[Figure | None], note: str = "") -> Section:
    return Section(title, [figure for figure in figures if figure is not None], note)


def _importances(results: Results, complete: Importance, everyone: Importance) -> Section:
    figures = [importances(results, complete, "importance-complete", "complete trials")]
    if everyone.known > complete.known:
        words = "all trials at their last value"
        figures.append(importances(results, everyone, "importance-all", words))
    return _section("Importance of each parameter", figures, complete.reason)


def _slices(results: Results, names: Sequence[str]) -> list[Figure | None]:
    return [slice_of(results, name) for name in names[:_SLICES]]


def _names(results: Results) -> list[str]:
    """The searched parameters that some trial has: in the order of the space, if known."""
    tried = dict.fromkeys(name for record in results.trials for name in record.params)
    order = results.spec.space.names if results.spec else ()
    return [*(name for name in order if name in tried), *(n for n in tried if n not in order)]

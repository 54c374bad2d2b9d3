"""The best trial of each method, for sweeps that search the method."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.winners import Ranking, Winner
from sweeps.display.trial_table import TrialRow, TrialTable


def best_of_each(ranking: Ranking, name: str = "method") -> list[Winner]:
    """The best complete trial for each value of a searched name, best first."""
    best: dict[str, Winner] = {}
    for winner in ranking.winners:
        if name in winner.record.params:
            best.setdefault(str(winner.record.params[name]), winner)
    return list(best.values())


def each_method(ranking: Ranking) -> RenderableType | None:
    """A table with a line for each method; None if there was only one."""
    best = best_of_each(ranking)
    if len(best) < 2:
        return None
    titles = dict.fromkeys(("method", "trial", next(iter(ranking.goals)), "trained"), 0)
    table = TrialTable(titles, [_row(winner) for winner in best], left=("method",))
    return Group(Text("\nBest trial of each method", "bold"), table)


def _row(winner: Winner) -> TrialRow:
    params = dict(winner.record.params)
    method = str(params.pop("method"))
    trained = f"{winner.record.trainable_parameters or 0:,}"
    return TrialRow((method, str(winner.record.number), f"{winner.value:.4f}", trained), params)

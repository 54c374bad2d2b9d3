"""The best trial of each method, where a sweep searched the method."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from results.winners import Ranking, Winner
from sweeps.live import show_params


def best_of_each(ranking: Ranking, name: str = "method") -> list[Winner]:
    """The best complete trial for each value of a searched name, best first."""
    best: dict[str, Winner] = {}
    for winner in ranking.winners:
        if name in winner.record.params:
            best.setdefault(str(winner.record.params[name]), winner)
    return list(best.values())


def each_method(ranking: Ranking) -> RenderableType | None:
    """A table with a line for each method; None where there was only one."""
    best = best_of_each(ranking)
    if len(best) < 2:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("method")
    for title in ("trial", next(iter(ranking.goals)), "trained"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("parameters")
    for winner in best:
        params = dict(winner.record.params)
        table.add_row(
            str(params.pop("method")),
            str(winner.record.number),
            f"{winner.value:.4f}",
            f"{winner.record.trainable_parameters or 0:,}",
            show_params(params),
        )
    return Group(Text("\nThe best of each method", "bold"), table)

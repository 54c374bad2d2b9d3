"""The best trial of each method, for sweeps that search the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from results.ranking.figures import size
from results.ranking.winners import Ranking, Winner
from sweeps.display.trial_table import TrialRow, TrialTable
from trainables.metrics.effort import ANSWER_SECONDS, PROMPT_TOKENS
from trainables.metrics.length import ANSWER_TOKENS

_COSTS: Mapping[str, str] = {
    PROMPT_TOKENS.name: "tokens read",
    ANSWER_TOKENS.name: "written",
    ANSWER_SECONDS.name: "s/answer",
}
"""What an answer costs on average, where it was measured, and its title."""

_CAUTION = (
    "s/answer depends on the machine's load, and in a slot's first trial it has the warm-up; "
    "tokens do not."
)


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
    costs = [name for name in _COSTS if all(name in winner.best.metrics for winner in best)]
    names = ("method", "trial", next(iter(ranking.goals)), "trained")
    titles = dict.fromkeys((*names, *(_COSTS[name] for name in costs)), 0)
    table = TrialTable(titles, [_row(winner, costs) for winner in best], left=("method",))
    parts: list[RenderableType] = [Text("\nBest trial of each method", "bold"), table]
    if ANSWER_SECONDS.name in costs:
        parts.append(Text(_CAUTION, "dim"))
    return Group(*parts)


def _row(winner: Winner, costs: Sequence[str]) -> TrialRow:
    params = dict(winner.record.params)
    method = str(params.pop("method"))
    trained = f"{winner.record.trainable_parameters or 0:,}"
    spent = (_short(winner.best.metrics[name]) for name in costs)
    values = (method, str(winner.record.number), size(winner.value), trained, *spent)
    return TrialRow(values, params)


def _short(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"

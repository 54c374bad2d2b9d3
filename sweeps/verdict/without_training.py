"""Whether training was worth it: the best trial that trains against the best that does not."""

from __future__ import annotations

from results.ranking.certainty import Difference
from results.ranking.winners import Ranking, Winner, margin
from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder
from sweeps.verdict.paired import paired
from sweeps.verdict.single import SURE, amount
from sweeps.verdict.trained import trains


def without_training(sweep: SweepRecord, ranking: Ranking, folder: SweepFolder) -> str:
    """The sentence; empty unless the sweep has complete trials of both kinds."""
    trained = next((each for each in ranking.winners if trains(each.record)), None)
    untrained = next((each for each in ranking.winners if not trains(each.record)), None)
    if trained is None or untrained is None:
        return ""
    first, second = sorted((trained, untrained), key=ranking.winners.index)
    lead = margin(first, second, None, sweep.mode).to_next or 0.0
    measured = paired(sweep, folder, first.record.number, second.record.number)
    if first is untrained or lead == 0:
        return _not_worth_it(trained, untrained, lead, measured)
    return _worth_it(sweep, trained, untrained, lead, measured)


def _not_worth_it(
    trained: Winner, untrained: Winner, lead: float, measured: Difference | None
) -> str:
    said = (
        f"No trained trial is better than {_named(untrained)}, which trains nothing: the best of "
        f"them, trial {trained.record.number}, is "
    )
    if lead == 0:
        return f"{said}exactly as good."
    doubt = "too small to say which of the two is better"
    return f"{said}{amount(lead, measured)} behind{_how_sure(measured, doubt)}"


def _worth_it(
    sweep: SweepRecord,
    trained: Winner,
    untrained: Winner,
    lead: float,
    measured: Difference | None,
) -> str:
    best = f"{_named(untrained)} with {sweep.metric} {untrained.value:.4f}"
    behind = f"{amount(lead, measured)} behind trial {trained.record.number}"
    if measured is None:
        return f"Without training, the best is {best}: {behind}."
    helps = "helps" if abs(measured.z) >= SURE else "may not be needed"
    doubt = "too small to say that training helps"
    return f"Training {helps}: without it, the best is {best}, {behind}{_how_sure(measured, doubt)}"


def _how_sure(measured: Difference | None, doubt: str) -> str:
    """The end of a sentence about a lead."""
    if measured is None:
        return "."
    errors = f", {abs(measured.z):.1f} standard errors"
    return f"{errors}." if abs(measured.z) >= SURE else f"{errors}: {doubt}."


def _named(winner: Winner) -> str:
    return f"trial {winner.record.number} ({winner.record.config.get('method')})"

"""Whether training was worth it: the best trial that trains against the best that does not."""

from __future__ import annotations

from results.ranking.certainty import Difference
from results.ranking.winners import Ranking, Winner, margin
from results.records.record import SweepRecord, TrialRecord
from sweeps.home.home import SweepFolder
from sweeps.verdict.paired import paired
from sweeps.verdict.single import SURE, amount
from trainables.methods.registry import METHODS


def without_training(sweep: SweepRecord, ranking: Ranking, folder: SweepFolder) -> str:
    """The sentence; empty unless the sweep has complete trials of both kinds."""
    trained = next((each for each in ranking.winners if trains(each.record)), None)
    untrained = next((each for each in ranking.winners if not trains(each.record)), None)
    if trained is None or untrained is None:
        return ""
    first, second = sorted((trained, untrained), key=ranking.winners.index)
    lead = margin(first, second, None, sweep.mode).to_next or 0.0
    measured = paired(sweep, folder, first.record.number, second.record.number)
    if lead == 0:
        return f"No training beats {_named(untrained)}: the best trained trial is exactly as good."
    if first is untrained:
        return (
            f"No training beats {_named(untrained)}: the best trained trial, "
            f"{trained.record.number}, is {amount(lead, measured)} behind."
        )
    return _worth_it(sweep, trained, untrained, lead, measured)


def trains(record: TrialRecord) -> bool:
    """Whether a trial's method trains; unknown methods do."""
    method = METHODS.get(str(record.config.get("method")))
    return method is None or method.trains


def _worth_it(
    sweep: SweepRecord,
    trained: Winner,
    untrained: Winner,
    lead: float,
    measured: Difference | None,
) -> str:
    said = (
        f"Without training, the best is {_named(untrained)} with {sweep.metric} "
        f"{untrained.value:.4f}: {amount(lead, measured)} behind trial {trained.record.number}"
    )
    if measured is None:
        return f"{said}."
    errors = f"{abs(measured.z):.1f} standard errors"
    if abs(measured.z) >= SURE:
        return f"{said}, {errors}."
    return f"{said}, {errors}: too small to say that training helps."


def _named(winner: Winner) -> str:
    return f"trial {winner.record.number} ({winner.record.config.get('method')})"

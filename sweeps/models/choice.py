"""The trial to export, and its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.ranking.winners import Ranking, reason
from results.records.record import Measurement, SweepRecord, TrialRecord
from sweeps.base.errors import SweepError
from sweeps.builtin import PREFIX as BUILTIN
from sweeps.home.earlier_sweeps import PREFIX as EARLIER
from sweeps.home.home import SweepFolder
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.confirmed import folder_of, repeat_to_use
from sweeps.verdict.results import Results
from sweeps.verdict.trained import trains
from trainables.board.job import WEIGHTS
from trainables.config.trial import TrialConfig
from trainables.objectives.registry import OBJECTIVES

SEEDS = ("seed", "data.order_seed")
"""The seeds that a trial has besides those of the sweep file."""


@dataclass(frozen=True)
class Chosen:
    """A trial, the evaluation at which its weights were kept, and the folder of these weights."""

    results: Results
    record: TrialRecord
    measured: Measurement
    weights: Path

    @property
    def sweep(self) -> SweepRecord:
        """The record of its sweep."""
        return self.results.sweep

    @property
    def ranking(self) -> Ranking:
        """The ranking of its sweep."""
        return self.results.ranking

    @property
    def place(self) -> int | None:
        """Its rank among the winners, from 1; None for a trial that is not ranked."""
        numbers = [winner.record.number for winner in self.ranking.winners]
        number = self.record.trial
        return numbers.index(number) + 1 if number in numbers else None


def chosen(folder: SweepFolder, number: int | None = None) -> Chosen:
    """The trial of that number, by default the winner. SweepError if no weights are kept."""
    results, record = picked(folder, number)
    weights = folder_of(folder, record) / WEIGHTS
    measured = record.counted(results.sweep.goals)
    if measured is None or not weights.is_dir():
        raise SweepError(_no_weights(folder, results.sweep, results.ranking, record))
    return Chosen(results, record, measured, weights)


def picked(folder: SweepFolder, number: int | None = None) -> tuple[Results, TrialRecord]:
    """The sweep's results, and the trial of that number, by default the winner by fresh seeds,
    else by the search.

    Of a confirmed trial it is the repeat whose weights are used. SweepError if there is none.
    """
    results = Results.read(folder)
    if number is not None:
        record = _numbered(results.sweep, results.trials, number)
    else:
        record = _winner(results)
    return results, repeat_to_use(results.sweep, folder, record.number) or record


def config_of(spec: SweepSpec, record: TrialRecord) -> TrialConfig:
    """The trial's configuration, as its slot had it in the end."""
    if not spec.trial.learns.trains:
        raise SweepError(f"objective {spec.trial.objective} trains no model")
    seeds = {name: record.config[name] for name in SEEDS if name in record.config}
    return spec.trial.with_params({**record.params, **record.repairs, **seeds})


def refuse_without_base(spec: SweepSpec, sweep: SweepRecord) -> None:
    """A folder that is gone would be looked for on the hub, for half a minute."""
    name, known = spec.trial.model, sweep.provenance
    if name.startswith((BUILTIN, EARLIER)):
        return  # built, or merged, again
    was_folder = known is not None and "@" not in known.model_fingerprint
    if was_folder and not Path(name).expanduser().is_dir():
        raise SweepError(
            f"the base model of sweep {sweep.name!r}, the folder {name} (looked from "
            f"{Path.cwd()}), does not exist any more; put it back: without it an adapter can be "
            "neither used nor merged, and no export be measured"
        )


def with_weights(folder: SweepFolder) -> list[int]:
    """The numbers of the trials whose weights, or a repeat's, are in the sweep's folder."""
    records = [*folder.trials(), *folder.repeats()]
    kept = [each for each in records if (folder_of(folder, each) / WEIGHTS).is_dir()]
    return sorted({each.trial for each in kept})


def _winner(results: Results) -> TrialRecord:
    if results.winner is None:
        raise SweepError(
            f"sweep {results.sweep.name!r} has no complete trial, so it has no winner; "
            f"`{results.folder.command('winners')}` says why"
        )
    return results.winner


def _numbered(sweep: SweepRecord, trials: Sequence[TrialRecord], number: int) -> TrialRecord:
    for record in trials:
        if record.number == number:
            return record
    known = f"they are 0 to {max(each.number for each in trials)}" if trials else "it has none yet"
    raise SweepError(f"--trial: sweep {sweep.name!r} has no trial {number}; {known}")


def _no_weights(
    folder: SweepFolder, sweep: SweepRecord, ranking: Ranking, record: TrialRecord
) -> str:
    objective = OBJECTIVES.get(str(record.config.get("objective")))
    if objective is not None and not objective.trains:
        return f"sweep {sweep.name!r} has objective {objective.name}, which trains no model"
    number, kept = record.number, with_weights(folder)
    if not trains(record):
        why = (
            f"its method, {record.config['method']}, trains nothing; `{folder.command('ask')} "
            f"--trial {number}` answers as it does"
        )
    elif record.status.can_win:
        why = "only those of the best trials are kept (slots.keep_best, or the Pareto front)"
        if number in [winner.record.number for winner in ranking.chosen]:
            why = (
                "they have been deleted, or are only on the storage: "
                f"`{folder.command('resume')}` brings them back from there"
            )
    else:
        why = f"it is no complete trial: {reason(record, sweep.metric)}"
    others = f"; trials with weights: {', '.join(map(str, kept))}" if kept else ""
    return f"sweep {sweep.name!r} has no weights of trial {number}: {why}{others}"

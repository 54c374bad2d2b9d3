"""What answers took: time, where it is a large part of the trials', and the tokens of judges."""

from __future__ import annotations

from results.records.record import SweepRecord, TrialRecord
from sweeps.home.home import SweepFolder
from trainables.config.evaluation import EvaluationConfig, too_long
from trainables.methods.registry import METHODS


def time_note(folder: SweepFolder) -> str:
    """How much of the time of trials that train generation took, if more than
    `evaluation.time_share`."""
    trials = [
        each
        for each in folder.store.trials()
        if each.generation_seconds and each.seconds and _trains(each)
    ]
    if not trials:
        return ""
    generation = sum(each.generation_seconds for each in trials)
    share = generation / sum(each.seconds for each in trials)
    usual = EvaluationConfig.model_fields["time_share"].default
    most = max(_number(each.config.get("evaluation.time_share"), usual) for each in trials)
    return too_long(share, most) if share > most else ""


def judge_note(sweep: SweepRecord, folder: SweepFolder) -> str:
    """What judges took in the whole sweep."""
    records: list[SweepRecord | TrialRecord] = [sweep, *folder.store.trials(), *folder.repeats()]
    tokens = sum(each.judge_tokens for each in records)
    dollars = sum(each.judge_dollars for each in records)
    return f"Judges took {tokens:,} tokens{f', ${dollars:.2f}' * bool(dollars)}." if tokens else ""


def _trains(record: TrialRecord) -> bool:
    method = METHODS.get(str(record.config.get("method")))
    return method is None or method.trains


def _number(value: object, usual: float) -> float:
    return float(value) if isinstance(value, int | float) else usual

"""What stands beside the reward of a winner of reinforcement learning: whether it may be fooled."""

from __future__ import annotations

from results.records.record import TrialRecord
from sweeps.verdict.confirmed import folder_of
from sweeps.verdict.paired import between
from sweeps.verdict.results import Results
from sweeps.verdict.single import SURE, amount
from trainables.metrics.registry import declared_mode
from trainables.objectives.policy import KL, REWARD, metric_of_judge
from trainables.objectives.registry import OBJECTIVES

_BESIDE = (REWARD, KL, "eval_answer_tokens", "eval_ended", "eval_general_loss")
"""Shown if they are measured, the reward first."""


def beside_reward(results: Results) -> str:
    """The winner's reward with its distance from the base, its length, its loss on other text and
    what the held-out judge says, each after the base's; empty for other objectives."""
    record = results.winner
    objective = OBJECTIVES.get(str(record.config.get("objective"))) if record else None
    counted = record.counted(results.sweep.goals) if record else None
    if record is None or counted is None or objective is None or not objective.rolls_out:
        return ""
    named = record.config.get("rl.held_out")
    judge = metric_of_judge(None if named is None else str(named))
    base, mine = results.sweep.base, counted.metrics
    parts = []
    for name in dict.fromkeys((*_BESIDE, *([judge] if judge else []))):
        if name in mine:
            before = f"{base[name]:.4g} -> " if name in base and name != KL else ""
            said = [_change(results, record, name)] if name in (REWARD, judge) else []
            said += ["held out"] if name == judge else []
            remarks = ", ".join(filter(None, said))
            parts.append(f"{name} {before}{mine[name]:.4g}" + (f" ({remarks})" if remarks else ""))
    line = f"Beside its reward, from the base to trial {record.trial}: {', '.join(parts)}."
    return " ".join(filter(None, (line, _doubt(results, record, judge))))


def _change(results: Results, record: TrialRecord, metric: str) -> str:
    """The paired difference from the base with its standard error, if values are on disk."""
    found = between(metric, folder_of(results.folder, record), results.folder.base)
    if found is None or not found.mean:
        return ""
    noise = ", may be noise" if abs(found.z) < SURE else ""
    sign = "+" if found.mean > 0 else "-"
    return f"{sign}{amount(abs(found.mean), found)}{noise}"


def _doubt(results: Results, record: TrialRecord, judge: str | None) -> str:
    """That the held-out judge prefers the base, where it does so beyond its noise."""
    counted, base = record.counted(results.sweep.goals), results.sweep.base
    if judge is None or counted is None or judge not in base or judge not in counted.metrics:
        return ""
    sign = -1 if _wants_less(results, judge) else 1
    lost = sign * (base[judge] - counted.metrics[judge])
    if lost <= 0:
        return ""
    measured = between(judge, folder_of(results.folder, record), results.folder.base)
    if measured is not None and abs(measured.z) < SURE:
        return ""
    return (
        f"The reward may be fooled: by {judge}, which no trial was rewarded or chosen by, it is "
        f"{amount(lost, measured)} WORSE than the base; read `sweep samples`."
    )


def _wants_less(results: Results, judge: str) -> bool:
    """Whether smaller values of the judge are better, as its metric or the sweep file says."""
    own = results.spec.trial.metrics if results.spec else {}
    modes = {name: mode for key, each in own.items() for name, mode in each.names(key).items()}
    return (modes.get(judge) or declared_mode(judge)) == "min"

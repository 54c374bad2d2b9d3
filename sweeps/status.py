"""How far a sweep is, for people. Pure but for the printing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from results.record import SweepRecord, TrialRecord
from results.summary import status_json
from results.winners import rank
from sweeps.live import show_params


def show_status(console: Console, sweep: SweepRecord, trials: Sequence[TrialRecord]) -> None:
    """Print the state, how many trials stand where, and the best one beside the base model."""
    counts = status_json(sweep, trials)["trials"]
    listed = "  ".join(f"{status} {count}" for status, count in counts.items() if count)
    lines = [f"{sweep.name}: {sweep.state.value}", listed or "no trials yet"]
    lines += [f"failed: {sweep.error}"] if sweep.error else []
    lines += _best(sweep, trials)
    if sweep.metric in sweep.base:
        lines.append(f"base model: {sweep.metric} {sweep.base[sweep.metric]:.4f}")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def best_value(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> str:
    """The best complete trial's value, in a word for a list; empty before there is one."""
    winners = rank(trials, sweep.metric, sweep.mode).winners
    return f"{sweep.metric} {winners[0].value:.4f}" if winners else ""


def _best(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> list[str]:
    winners = rank(trials, sweep.metric, sweep.mode).winners
    if not winners:
        return []
    number, params = winners[0].record.number, winners[0].record.params
    return [f"best: trial {number}  {best_value(sweep, trials)}  {show_params(params)}"]

"""Whole sweeps: of so many trials, each of which ends, as `budget.trials` has it.

    python -m benchmarks.replay.whole [--trials 20,40] [--tables taskset] [--workers 8]
        [--ways measured+asha1,measured+asha1+recheck] [--seeds 0:40]

In Markdown, for each table and number of trials: the whole runs that were trained and the winner's
regret in thousandths, both as medians, the share of searches won against the first way, and p.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator

import numpy as np
import optuna

from benchmarks.replay.clock import Clock, Outcome
from benchmarks.replay.figures import against
from benchmarks.replay.report import shown_p
from benchmarks.replay.table import Table
from benchmarks.replay.tables import TABLES
from benchmarks.replay.ways import WAYS

_UNIT = 1000


def lines(table: Table, trials: int, ways: list[str], workers: int, seeds: range) -> Iterator[str]:
    """A line for each way."""
    found = {way: _outcomes(table, trials, way, workers, seeds) for way in ways}
    regrets = {
        way: {seed: _UNIT * (each.loss - table.best) for seed, each in outcomes.items()}
        for way, outcomes in found.items()
    }
    pairs = against(ways[0], regrets)
    for way, outcomes in found.items():
        runs = np.median([each.budget for each in outcomes.values()])
        regret = np.median(list(regrets[way].values()))
        won = f"{pairs[way].won:.0%}, {shown_p(pairs[way].p)}" if way in pairs else ""
        yield f"| {table.name} | {trials} | `{way}` | {runs:.1f} | {regret:.3g} | {won} |"


def _outcomes(
    table: Table, trials: int, way: str, workers: int, seeds: range
) -> dict[int, Outcome]:
    return {seed: Clock(table, WAYS[way](table, seed), workers).whole(trials) for seed in seeds}


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", default="20,40")
    parser.add_argument("--tables", default="taskset,deberta-dev")
    parser.add_argument("--ways", default="measured+asha1,measured+asha1+recheck")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seeds", default="0:40", help="FIRST:END")
    options = parser.parse_args()
    first, _, end = options.seeds.partition(":")
    for name in options.tables.split(","):
        for table in TABLES[name]():
            for trials in map(int, options.trials.split(",")):
                ways, seeds = options.ways.split(","), range(int(first), int(end))
                for line in lines(table, trials, ways, options.workers, seeds):
                    print(line, flush=True)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    main()

"""Searches replayed on tables of real training runs: ours as they are, and rivals.

    python -m benchmarks.replay run FILE [--tables taskset,deberta-dev] [--workers 1,4,8,16,64]
        [--ways ended+asha,measured+asha1] [--seeds 0:20] [--budgets 8,16,32]
    python -m benchmarks.replay report FILE... [--base ended+asha]

SWEEP_TEST_DATA names the folder with the tables. A trial suggested by a search takes over the
nearest row that no trial of the search has had, and the search is told that row's own parameters.
Workers run side by side by a clock of trained steps; budgets are in whole runs. `run` writes JSON
after each case; several files, such as of other seeds, are reported together. A table can also be
the folder of a finished sweep of ours without early stopping, whose rows are drawn at random.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import optuna

from benchmarks.replay.clock import Clock, Outcome
from benchmarks.replay.one_rung import one_rung
from benchmarks.replay.own import of_sweep
from benchmarks.replay.report import report
from benchmarks.replay.results import Case, Results, read, write
from benchmarks.replay.table import Table
from benchmarks.replay.tables import TABLES
from benchmarks.replay.ways import ONE_RUNG, WAYS


def searched(table: Table, case: Case, seed: int, budgets: Sequence[float]) -> list[Outcome]:
    """One search of a table."""
    if case.way == ONE_RUNG:
        return one_rung(table, seed, budgets)
    return Clock(table, WAYS[case.way](table, seed), case.workers).replay(budgets)


def run(options: argparse.Namespace) -> None:
    """Replay what the options ask for, and write it after each case."""
    results: Results = {}
    for name in options.tables:
        for table in _tables(name):
            for workers in options.workers:
                for way in options.ways:
                    case = Case(table.name, workers, way)
                    results[case] = {
                        seed: searched(table, case, seed, options.budgets) for seed in options.seeds
                    }
                    write(results, options.file)
                    print(*case, file=sys.stderr, flush=True)


def _tables(name: str) -> tuple[Table, ...]:
    return TABLES[name]() if name in TABLES else (of_sweep(Path(name)),)


def _show(options: argparse.Namespace) -> None:
    missing = [str(file) for file in options.files if not file.is_file()]
    if missing:
        raise SystemExit(f"no such file: {', '.join(missing)}")
    results = read(options.files)
    names = [*TABLES, *filter(None, options.sweeps.split(","))]
    known = {table.name: table for name in names for table in _tables(name)}
    print(report(results, known, options.base, options.budgets))


def _seeds(text: str) -> range:
    first, _, end = text.partition(":")
    return range(int(first), int(end))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _whole_numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("run", help="replay searches")
    one.add_argument("file", type=Path)
    one.add_argument("--tables", type=_table_names, default=["taskset", "deberta-dev"])
    one.add_argument(
        "--ways", type=_one_of([*WAYS, ONE_RUNG]), default=["ended+asha", "measured+asha1"]
    )
    one.add_argument("--workers", type=_whole_numbers, default=[8])
    one.add_argument("--budgets", type=_numbers)
    one.add_argument("--seeds", type=_seeds, default=range(20), help="FIRST:END")
    one.set_defaults(does=run, budgets=[float(runs) for runs in range(2, 33, 2)])
    other = verbs.add_parser("report", help="show results")
    other.add_argument("files", type=Path, nargs="+")
    other.add_argument(
        "--base", default="ended+asha", help="the way that all others are paired with"
    )
    other.add_argument("--sweeps", default="", help="folders of the sweeps that were replayed")
    other.add_argument("--budgets", type=_numbers, default=[8.0, 16.0, 32.0])
    other.set_defaults(does=_show)
    return parser


def _table_names(text: str) -> list[str]:
    """Names of tables, or folders of finished sweeps."""
    names = text.split(",")
    _one_of(TABLES)(",".join(name for name in names if not Path(name).is_dir()) or "taskset")
    return names


def _one_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        strangers = set(text.split(",")) - set(known)
        if strangers:
            raise argparse.ArgumentTypeError(f"{strangers} unknown; known are {', '.join(known)}")
        return text.split(",")

    return names


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    arguments = _parser().parse_args()
    arguments.does(arguments)

"""Early stopping on real sweeps whose trials were all trained to the end.

    python -m benchmarks.rungs train --data FOLDER --cache FOLDER [--trials 32] [SWEEP...]
    python -m benchmarks.rungs TABLE --data FOLDER --cache FOLDER [SWEEP...]

`train` trains sweeps of random settings in turns and keeps each example's loss at each point; it
goes on where it ended. The tables: `curves` says how early trials are in their final order;
`importance` and `alone` what a parameter does, over all trials and in one change of the best;
`needed` how many examples tell trials apart; `parts` replays the product's ASHA by a part of the
validation set and by all of it, in 200 orders of the trials and with as many parts. `tables`,
without sweeps, says how much is measured in longer searches, on the tables of benchmarks.replay,
which replays rules on the sweeps, too:

    python -m benchmarks.replay run FILE --tables CACHE/plays --ways random+asha,random+asha1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import optuna
import torch

from benchmarks.rungs import curves, replay
from benchmarks.rungs.kinds import trees
from benchmarks.rungs.measured import LOSS, Floats, by_example, ranked, validation_tokens
from benchmarks.rungs.replay import examples_of_tables, replayed
from benchmarks.rungs.sweeps import train
from sweeps.home.home import SweepFolder

_ALSO = {
    "instructions": "eval_token_accuracy",
    "plays": "eval_token_accuracy",
    "preferences": "eval_reward_accuracy",
    "headlines": "eval_accuracy",
}
"""The other metric of each sweep by which its parts are compared."""

Rows = Callable[[SweepFolder], Iterator[tuple[str, ...]]]


def main() -> None:
    """Train, or print a table."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = options.sweeps or list(trees(options.data))
    if options.what == "tables":
        for trials in (10, 20, 40, 100):
            for row in examples_of_tables(trials, 0.1, options.times):
                _print(*row)
    elif options.what == "train":
        torch.set_num_threads(1)
        train(names, options.data, options.cache, options.trials)
    else:
        columns, rows = _tables(options.times)[options.what]
        _print("sweep", *columns)
        _print(*["---"] * (1 + len(columns)))
        for name in names:
            for row in rows(SweepFolder(options.cache / name)):
                _print(name, *row)


def _tables(times: int) -> Mapping[str, tuple[tuple[str, ...], Rows]]:
    return {
        "curves": (curves.COLUMNS, lambda folder: iter([curves.figures(folder)])),
        "importance": (curves.SHARES, curves.shares),
        "alone": (curves.ALONE, curves.alone),
        "needed": (("metric", "all trials", "first 3", "first 6"), _needed),
        "parts": (("metric", *replay.COLUMNS), lambda folder: _parts(folder, times)),
    }


def _parts(folder: SweepFolder, times: int) -> Iterator[tuple[str, ...]]:
    tokens = validation_tokens(folder) / max(each.tokens for each in folder.store.trials())
    for metric, sums, counts in _measured(folder):
        for row in replayed(sums, counts, tokens, times, np.random.default_rng(0)):
            yield (metric, *row)


def _needed(folder: SweepFolder) -> Iterator[tuple[str, ...]]:
    for metric, sums, counts in _measured(folder):
        (whole, three), (_, six) = (replay.needed(sums, counts, k, 50) for k in (3, 6))
        yield (metric, whole, three, six)


def _measured(folder: SweepFolder) -> Iterator[tuple[str, Floats, Floats]]:
    """Each metric, the smaller the better, by trial, point and example."""
    for metric in (LOSS, _ALSO[folder.path.name.removesuffix("-short")]):
        sums, counts = by_example(folder, ranked(folder), metric)
        yield metric, sums if metric == LOSS else -sums, counts


def _print(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["train", *_tables(0), "tables"])
    parser.add_argument("sweeps", nargs="*")
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--cache", type=Path, default=Path())
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--times", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()

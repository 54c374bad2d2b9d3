"""Early stopping by a part of the validation set, beside the same by the whole of it.

    python -m benchmarks.rungs train --data FOLDER --cache FOLDER [--trials 24] [SWEEP...]
    python -m benchmarks.rungs report --data FOLDER --cache FOLDER [SWEEP...]
    python -m benchmarks.rungs tables

`train` trains real sweeps of random settings and keeps each example's loss at each point. `report`
replays the product's ASHA over them, in 200 orders of the trials and with as many parts. `tables`
says how much is measured in longer searches, on the tables of benchmarks.replay.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import optuna

from benchmarks.rungs.replay import COLUMNS, examples_of_tables, replayed
from benchmarks.rungs.sweeps import measured, train, trees


def main() -> None:
    """Train, or print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["train", "report", "tables"])
    parser.add_argument("sweeps", nargs="*")
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--cache", type=Path, default=Path())
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if options.what == "tables":
        for trials in (10, 20, 40, 100):
            for row in examples_of_tables(trials, 0.1, options.times):
                print("| " + " | ".join(row) + " |")
        return
    names = options.sweeps or list(trees(options.data))
    if options.what == "train":
        for name in names:
            train(name, options.data, options.trials, options.cache)
        return
    print("| sweep | " + " | ".join(COLUMNS) + " |\n" + "| --- " * (1 + len(COLUMNS)) + "|")
    for name in names:
        sums, counts = measured(name, options.cache)
        for row in replayed(sums, counts, options.times, np.random.default_rng(0)):
            print(f"| {name} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()

"""LoRA trials in lanes, in as many as pay, one by one, through the Trainer, and compiled.

    python -m benchmarks.lanes [--into FILE] [--shape 260K:8x2x128 ...] [--rounds 3] [--uncompiled]
    python -m benchmarks.lanes --into FILE --rounds 0

All train the same trials on the same random sequences of equal length in one process, in turns.
Steps alone are timed: setup, compilation and evaluation do not count. Evaluations are timed apart,
of all lanes together and one after the other. Without a GPU, time is processor time, which other
work on the machine lengthens little.

Each shape is a slice, added to FILE as soon as it is done: repeat the command, with all shapes or
some, until there are enough rounds. Prints the table of all slices; with `--rounds 0` only that.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from benchmarks.lanes.measuring import measured
from benchmarks.lanes.shape import SHAPES, Shape
from benchmarks.lanes.table import add, slices, table


def main() -> None:
    """Measure slice by slice, and show the table."""
    options = _options()
    torch.set_num_threads(options.threads)
    for shape in options.shape if options.rounds else ():
        made = measured(shape, options.rounds, not options.uncompiled)
        add(options.into, made)
        print(f"{shape}: {made['step']}", flush=True)
    print(table(slices(options.into)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--shape", type=Shape.parse, nargs="+", default=SHAPES)
    parser.add_argument("--into", type=Path, default=Path("lanes.json"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--uncompiled", action="store_true", help="a slice of seconds")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

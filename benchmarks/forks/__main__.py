"""What forks save and cost, and what they find.

    python -m benchmarks.forks tokens [--trunks 10] [--branches 4] [--home FOLDER]
    python -m benchmarks.forks disk
    python -m benchmarks.forks train --data FOLDER --cache FOLDER [SWEEP...]
    python -m benchmarks.forks decays --cache FOLDER [SWEEP...]
    python -m benchmarks.forks search --cache FOLDER [--seeds 50] [SWEEP...]

`tokens` launches a sweep and says from its records what was trained once. `disk` times writing and
taking forks. `train` trains real trunks with many branches; `decays` says how well a trunk's loss
at a rung, as it is or after a short decay, orders them; `search` replays the product's searcher on
them with several numbers of forks, at equal trained tokens.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import optuna

from benchmarks.forks import comparison, curves, decays, disk, tokens


def main() -> None:
    """Measure one thing and print it."""
    options = _options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _PARTS[options.what](options)


def _tokens(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch) / "home"
        found = tokens.measured(Path(scratch), home, options.trunks, options.branches)
    print(json.dumps(found, indent=1))


def _disk(options: argparse.Namespace) -> None:
    _print(disk.COLUMNS, disk.rows())


def _train(options: argparse.Namespace) -> None:
    for name in options.sweeps or curves.trees(options.data):
        curves.train(name, options.data, options.cache)


def _decays(options: argparse.Namespace) -> None:
    for name in options.sweeps or curves.trees(options.data):
        _print(
            ("sweep", *decays.COLUMNS), _named(name, decays.rows(curves.read(name, options.cache)))
        )


def _search(options: argparse.Namespace) -> None:
    for name in options.sweeps or curves.trees(options.data):
        comparison.search(name, options.cache, options.seeds)
        _print(("sweep", *comparison.COLUMNS), _named(name, comparison.rows(name, options.cache)))


_PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "tokens": _tokens,
    "disk": _disk,
    "train": _train,
    "decays": _decays,
    "search": _search,
}


def _named(name: str, rows: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return ((name, *row) for row in rows)


def _print(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    print("| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=[*_PARTS])
    parser.add_argument("sweeps", nargs="*")
    parser.add_argument("--trunks", type=int, default=10)
    parser.add_argument("--branches", type=int, default=4)
    parser.add_argument("--home", type=Path, help="sweep home to keep; unset: a temporary one")
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--cache", type=Path, default=Path())
    parser.add_argument("--seeds", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main()

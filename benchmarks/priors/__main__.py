"""The usual learning rate: its fit on public sweeps, and what a search gains by it.

    python -m benchmarks.priors fit
    python -m benchmarks.priors search [--seeds 0:20]
    python -m benchmarks.priors robust [--seeds 0:60] [--on toy]

`fit` compares formulas on families of models that they have not seen; SOURCE.md says where the
sweeps come from. `search` replays searches of the same table, with the formula fitted without the
model's family. `robust` counts trials with priors that are wrong, also on the tables of
benchmarks.replay (SWEEP_TEST_DATA). Prints Markdown.
"""

from __future__ import annotations

import argparse
import warnings

import optuna

from benchmarks.priors import fit, robustness, searches


def _seeds(text: str) -> range:
    first, _, end = text.partition(":")
    return range(int(first), int(end))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verbs.add_parser("fit").set_defaults(does=lambda options: print(fit.report()))
    search = verbs.add_parser("search")
    search.add_argument("--seeds", type=_seeds, default=range(20), help="FIRST:END")
    search.set_defaults(does=lambda options: print(searches.report(options.seeds)))
    robust = verbs.add_parser("robust")
    robust.add_argument("--seeds", type=_seeds, default=range(60), help="FIRST:END")
    robust.add_argument("--on", default="", help="how the names begin of what is searched")
    robust.set_defaults(does=lambda options: robustness.report(options.seeds, options.on))
    return parser


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    arguments = _parser().parse_args()
    arguments.does(arguments)

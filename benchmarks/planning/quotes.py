"""What dry runs quote against what the same sweeps then take.

    python -m benchmarks.planning.quotes [--data FOLDER] [--only NAME ...]

Five small sweeps that differ in kind are quoted by `sweep launch --dry-run` and then launched on
this machine, one after the other. Compared are a slot's time, which is what is paid for, and the
time on the clock from the start of the command to its end. Prints a Markdown table. Two of the
sweeps read a model and data from `--data`, by default the folder in SWEEP_TEST_DATA.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder, SweepHome

TINY = {"model": "{data}/models/stories260K_hf", "precision": "fp32"}
INSTRUCTIONS = {"train": "{data}/sft/instruction-data.json", "validation": 0.05}
PAIRS = {"train": "{data}/pref/instruction-data-with-preference.json", "validation": 0.05}
RATE = {"log_uniform": [1e-3, 1e-2]}

SWEEPS: Mapping[str, dict[str, Any]] = {
    "lora-asha": {
        "model": "builtin:pydoc",
        "precision": "fp32",
        "data": {"train": "builtin:pydoc", "validation": 0.03, "max_length": 256},
        "budget": {"trials": 12, "tokens": 15000, "evaluations": 4},
        "search": {"early_stopping": "asha"},
        "space": {
            "learning_rate": {"log_uniform": [3e-4, 3e-2]},
            "lora.rank": {"choice": [4, 8, 16, 32]},
            "batch_size": {"choice": [8, 16, 32]},
        },
        "slots": {"count": 1, "cpus": 1},
    },
    "methods": {
        **TINY,
        "data": INSTRUCTIONS,
        "budget": {"trials": 10, "tokens": 20000, "evaluations": 3},
        "search": {"sampler": "random", "early_stopping": "none"},
        "space": {"method": {"choice": ["full", "lora", "adapter"]}, "learning_rate": RATE},
        "slots": {"count": 1, "cpus": 1},
    },
    "batches": {
        **TINY,
        "method": "full",
        "data": INSTRUCTIONS,
        "budget": {"trials": 10, "tokens": 20000, "evaluations": 2},
        "search": {"sampler": "random", "early_stopping": "none"},
        "space": {
            "learning_rate": RATE,
            "batch_size": {"choice": [4, 16, 64]},
            "micro_batch_size": {"choice": [1, 4, 16]},
            "gradient_checkpointing": {"choice": [True, False]},
        },
        "slots": {"count": 1, "cpus": 1},
    },
    "dpo-two-slots": {
        **TINY,
        "objective": "dpo",
        "data": PAIRS,
        "method": "lora",
        "budget": {"trials": 12, "tokens": 30000, "evaluations": 4},
        "search": {"sampler": "random", "early_stopping": "median"},
        "space": {
            "learning_rate": RATE,
            "lora.rank": {"choice": [4, 16]},
            "batch_size": {"choice": [8, 16]},
        },
        "slots": {"count": 2, "cpus": 1},
    },
    "confirmed": {
        **TINY,
        "data": INSTRUCTIONS,
        "method": "lora",
        "budget": {"trials": 12, "tokens": 20000, "evaluations": 4},
        "search": {"early_stopping": "asha"},
        "confirm": {"top": 2, "seeds": 3},
        "space": {"learning_rate": RATE, "lora.rank": {"choice": [4, 8, 16]}},
        "slots": {"count": 1, "cpus": 1},
    },
}


def main() -> None:
    """Quote and launch each sweep, and print the table."""
    options = _options()
    print("| sweep | | quoted seconds | took | |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.only or SWEEPS:
        with tempfile.TemporaryDirectory() as work:
            _compare(name, Path(work), options.data)


def _compare(name: str, work: Path, data: str) -> None:
    spec = _filled({"name": name, **SWEEPS[name]}, data)
    spec["search"] = {"metric": "eval_loss", "seed": 7, **spec["search"]}
    (work / "sweep.yaml").write_text(yaml.safe_dump(spec))
    for more in (["--dry-run"], []):
        command = [sys.executable, "-P", "-m", "sweeps.cli", "launch", "sweep.yaml", *more]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, env=_environment())
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    folder = SweepHome(work / ".winnow").sweep(name)
    sweep = folder.store.sweep()
    for kind, low, high, took in _figures(sweep, folder):
        where = "inside" if low <= took <= high else "below" if took < low else "above"
        print(f"| {name} | {kind} | {low:.1f} to {high:.1f} | {took:.1f} | {where} |", flush=True)


def _figures(sweep: SweepRecord, folder: SweepFolder) -> list[tuple[str, float, float, float]]:
    """What was quoted, from and to, and what it took."""
    quote = sweep.quote
    trained = sum(each.seconds for each in (*folder.trials(), *folder.repeats()))
    return [
        ("a slot's time", quote["low"], quote["high"], trained),
        ("the clock", quote["clock_low"], quote["clock_high"], (sweep.ended or 0) - sweep.began),
    ]


def _filled(value: Any, data: str) -> Any:
    if isinstance(value, str):
        return value.replace("{data}", data)
    if isinstance(value, Mapping):
        return {key: _filled(each, data) for key, each in value.items()}
    return value


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default=os.environ.get("SWEEP_TEST_DATA", ""))
    parser.add_argument("--only", nargs="*", choices=tuple(SWEEPS))
    return parser.parse_args()


if __name__ == "__main__":
    main()

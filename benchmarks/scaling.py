"""The gain of a second node: a sweep with one slot and with two, on two nodes of one core.

    python -m benchmarks.scaling [--trials 12] [--tokens 60000] [--repeats 1]

Both run in turn on one Ray cluster of this machine (a head that trains nothing and two nodes), from
`sweep launch` to its end, with the built-in model and data and without early stopping, so that both
train the same. The time to the first trial is reported separately: it is the same for both, and
occurs only once in longer sweeps. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from sweeps.cluster.ray_session import SETTINGS
from sweeps.home.home import SweepHome

RECIPE = Path(__file__).parents[1] / "sweeps" / "recipes" / "quickstart.yaml"


def main() -> None:
    """Run the sweeps alternately, and compare their medians."""
    from ray.cluster_utils import Cluster

    options = _options()
    os.environ.update({**SETTINGS, "OMP_NUM_THREADS": "1"})
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    home = SweepHome(Path(tempfile.mkdtemp()))
    measured: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for repeat in range(options.repeats):
        for slots, seen in measured.items():
            seen.append(_measure(options, slots, f"{slots}-slots-{repeat}", home, cluster.address))
    cluster.shutdown()
    print(json.dumps(_report(measured), indent=1))


def _measure(
    options: argparse.Namespace, slots: int, name: str, home: SweepHome, address: str
) -> dict[str, float]:
    tree = yaml.safe_load(RECIPE.read_text())
    tree["budget"] = {"trials": options.trials, "tokens": options.tokens, "evaluations": 4}
    tree["search"] = {"sampler": "random", "early_stopping": "none", "seed": 7}
    tree["slots"] = {"count": slots, "cpus": 1, "gpus": 0}
    spec = home.path / f"{name}.yaml"
    spec.write_text(yaml.safe_dump(tree))
    command = [sys.executable, "-m", "sweeps.cli", "launch", str(spec), "--name", name]
    command += ["--home", str(home.path), "--address", address]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    folder = home.sweep(name)
    sweep, trials = folder.store.sweep(), folder.store.trials()
    began = min(trial.started or 0.0 for trial in trials)
    ended = max(trial.ended or 0.0 for trial in trials)
    return {"to_first_trial": began - sweep.created, "training": ended - began}


def _report(measured: dict[int, list[dict[str, float]]]) -> dict[str, Any]:
    medians = {
        slots: {key: statistics.median(each[key] for each in seen) for key in seen[0]}
        for slots, seen in measured.items()
    }
    return {
        "seconds": {f"{slots} slots": values for slots, values in medians.items()},
        "speedup": medians[1]["training"] / medians[2]["training"],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""A sweep with lanes against the same sweep without: the same suggestions, the same records?

    python -m benchmarks.lanes.records [--data FOLDER] [--rule patience|asha] [--lanes 6]

24 LoRA trials of a random sampler on a 260K-parameter Llama and instruction data, with lanes and
with one trial at a time. ASHA compares a trial with those that came before it, so its decisions
depend on the order in which trials are measured; `trial_patience` looks at one trial, so all
records should agree. Reads model and data from `--data`, by default the folder in SWEEP_TEST_DATA.
Prints one line for each sweep and the differences.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from typing import Any

from results.records.record import TrialRecord
from sweeps.sweep import Sweep

RULES: dict[str, dict[str, Any]] = {
    "patience": {"early_stopping": "none", "trial_patience": 1, "min_delta": 0.1},
    "asha": {"early_stopping": "asha"},
}


def main() -> None:
    """Launch both sweeps and compare their trials."""
    options = _options()
    with tempfile.TemporaryDirectory() as home:
        packed, alone = (_trials(options, lanes, home) for lanes in (options.lanes, 1))
    pairs = list(zip(packed, alone, strict=True))
    print(f"same suggestions: {sum(a.params == b.params for a, b in pairs)} of {len(pairs)}")
    print(f"ended alike, at the same point: {sum(_end(a) == _end(b) for a, b in pairs)}")
    differences = sorted(each for pair in pairs for each in _differences(*pair))
    print(
        f"eval_loss at {len(differences)} points that both measured: differs by at most "
        f"{differences[-1]:.1e}, median {differences[len(differences) // 2]:.1e}"
    )


def _trials(options: argparse.Namespace, lanes: int, home: str) -> list[TrialRecord]:
    trials = Sweep.from_dict(_spec(options, lanes)).launch(home=home).trials
    ends: dict[str, int] = {}
    for each in trials:
        ends[each.status.value] = ends.get(each.status.value, 0) + 1
    steps = sum(each.measurements[-1].step for each in trials if each.measurements)
    most = max(each.lanes for each in trials)
    count = len(trials)
    print(f"lanes {lanes}: {count} trials {ends}, {steps:,} steps, {most} at once", flush=True)
    return trials


def _spec(options: argparse.Namespace, lanes: int) -> dict[str, object]:
    return {
        "name": f"lanes-{lanes}",
        "model": f"{options.data}/models/stories260K_hf",
        "precision": "fp32",
        "method": "lora",
        "data": {"train": f"{options.data}/sft/instruction-data.json", "validation": 0.05},
        "budget": {"trials": 24, "steps": 24, "evaluations": 6},
        "search": {"sampler": "random", "seed": 7, **RULES[options.rule]},
        "space": {
            "learning_rate": {"log_uniform": [3e-4, 5e-3]},
            "lora.rank": {"choice": [4, 8, 16]},
            "batch_size": {"choice": [4, 8]},
        },
        "slots": {"count": 1, "cpus": 1, "lanes": lanes},
    }


def _end(trial: TrialRecord) -> tuple[str, int]:
    return trial.status.value, trial.measurements[-1].point if trial.measurements else 0


def _differences(one: TrialRecord, other: TrialRecord) -> list[float]:
    theirs = {each.point: each.metrics["eval_loss"] for each in other.measurements}
    return [
        abs(each.metrics["eval_loss"] - theirs[each.point])
        for each in one.measurements
        if each.point in theirs
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default=os.environ.get("SWEEP_TEST_DATA", ""))
    parser.add_argument("--rule", choices=tuple(RULES), default="patience")
    parser.add_argument("--lanes", type=int, default=6)
    return parser.parse_args()


if __name__ == "__main__":
    main()

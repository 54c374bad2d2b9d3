"""A sweep of which a third does not fit its memory, with and without the plan that edits it.

    python -m benchmarks.planning.edited_search [--ways "with the plan" without]

Both sweeps train the same points on this machine's CPU. Once the worker is warm, the kernel bounds
what it may allocate (RLIMIT_DATA, as `ulimit -d`): the memory that it has then, and as much more as
the plan counts on. So a trial that takes more runs out of memory in earnest. The sweep with a plan
is told of that memory by slots.gpu; the other one is not. Prints a line of JSON for each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.tiny_inputs import VOCABULARY, make_model
from sweeps.home.home import SweepFolder, SweepHome
from trainables.planning.room import CONTEXT, SLACK

ROOM = 600 * 2**20
"""Bytes for tensors."""

LENGTH, ROWS = 192, 256
MICRO_BATCHES = (8, 32, 128)
"""The last does not fit."""

WORDS = "can't allocate memory"

WAYS: Mapping[str, dict[str, str]] = {
    "with the plan": {"gpu": f"{(ROOM / (1 - SLACK) + CONTEXT) / 2**30:.6f}GB"},
    "without": {},
}
"""Settings of the slots."""


def main() -> None:
    """Run the ways asked for, one after the other."""
    for way in _options().ways:
        with tempfile.TemporaryDirectory() as work:
            print(json.dumps({"way": way, **_run(Path(work) / "sweep", WAYS[way])}), flush=True)


def _run(work: Path, slots: dict[str, Any]) -> dict[str, Any]:
    work.mkdir()
    make_model(work / "model", hidden=128, layers=4, length=2 * LENGTH)
    _write_rows(work / "rows.jsonl")
    (work / "sweep.yaml").write_text(yaml.safe_dump(_tree(slots)))
    # Large blocks go back to the system at once, as the plan counts them.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_ARENA_MAX": "2"}
    root = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "sweeps.cli", "launch", "sweep.yaml"]
    folder = SweepHome(work / ".winnow").sweep("edited")
    with (work / "log.txt").open("w") as log:
        launch = subprocess.Popen(command, cwd=work, env=environment, stdout=log, stderr=log)
        bounded = _bound_when_warm(launch, folder)
        code = launch.wait()
    assert code == 0 and bounded, (work / "log.txt").read_text()[-3000:]
    return _outcome(folder)


def _bound_when_warm(launch: subprocess.Popen[bytes], folder: SweepFolder) -> bool:
    """Bound the worker's memory after its first trial; whether that was possible."""
    while launch.poll() is None:
        records = folder.store.trials() if folder.path.exists() else []
        if any(record.status.ended for record in records):
            for worker in _workers(launch.pid):
                used = _data_of(worker)
                worker.rlimit(psutil.RLIMIT_DATA, (used + ROOM, used + ROOM))
                return True
        time.sleep(0.02)
    return False


def _workers(launch: int) -> list[psutil.Process]:
    """The slot's worker, the process below this one that has a trial's model in memory."""
    below = psutil.Process(launch).children(recursive=True)
    named = [each for each in below if "RayTrainWorker" in " ".join(each.cmdline())]
    return sorted(named, key=lambda each: -each.memory_info().rss)


def _data_of(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmData"))
    return int(line.split()[1]) * 1024


def _outcome(folder: SweepFolder) -> dict[str, Any]:
    records = folder.store.trials()
    errors = [path.read_text() for path in folder.path.rglob("error-rank*.txt")]
    return {
        "trials": len(records),
        "complete": sum(record.status.value == "complete" for record in records),
        "out of memory": sum(WORDS in text for text in errors),
        "micro-batch sizes drawn": [record.params["micro_batch_size"] for record in records],
        "changed to": [record.repairs.get("micro_batch_size") for record in records],
        "edits": [edit.changes for edit in folder.store.sweep().edits],
    }


def _write_rows(path: Path) -> None:
    words = [f"w{2 + n % (VOCABULARY - 2)}" for n in range(ROWS + LENGTH)]
    rows = [
        {"prompt": words[n], "completion": " ".join(words[n:][: LENGTH - 4])} for n in range(ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _tree(slots: dict[str, Any]) -> dict[str, Any]:
    space = {
        "learning_rate": {"log_uniform": [1e-4, 1e-2]},
        "micro_batch_size": {"choice": list(MICRO_BATCHES)},
    }
    return {
        "name": "edited",
        "model": "model",
        "objective": "sft",
        "data": {"train": "rows.jsonl", "validation": 0.05, "max_length": LENGTH},
        "precision": "fp32",
        "batch_size": 128,
        "budget": {"trials": 9, "steps": 1, "evaluations": 1},
        "search": {
            "sampler": "random",
            "early_stopping": "none",
            "metric": "eval_loss",
            "seed": 7,
            # Warm, then each size in turn.
            "first_points": [{"micro_batch_size": MICRO_BATCHES[n % 3]} for n in range(9)],
        },
        "space": space,
        "slots": {"count": 1, "cpus": 1, "gpus": 0, **slots},
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ways", nargs="*", choices=tuple(WAYS), default=tuple(WAYS))
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Overhead of a trial beyond its training: ours, the stock way on Ray, HF's own search, a loop.

    python -m benchmarks.overhead [--trials 8] [--steps 6] [--model M --data D]

Each way runs in its own process, with the same threads, model, token files, steps and evaluation
points. Start-up is the time to the end of the first trial minus one further trial; a further trial
is the median time from one trial's end to the next. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.ways.job import Job
from sweeps.inputs.prepare import inputs_of
from trainables.config.trial import TrialConfig

WAYS = ("ours", "stock", "hf_search", "loop")
MAX_LENGTH = 256


def main() -> None:
    """Run all ways one by one, and compare them."""
    options = _options()
    if options.only:
        _run_one(options)
        return
    work = Path(tempfile.mkdtemp())
    measured = {way: _measure(way, options, work) for way in options.ways.split(",")}
    report: dict[str, Any] = {"trials": options.trials, "steps": options.steps, "ways": measured}
    if "ours" in measured:
        ours = measured["ours"]["seconds_per_further_trial"]
        report["ours_to_others"] = {
            way: round(ours / figures["seconds_per_further_trial"], 3)
            for way, figures in measured.items()
            if way != "ours"
        }
    print(json.dumps(report, indent=1))


def _measure(way: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    log = work / f"{way}.jsonl"
    same = [f"--{name}={getattr(options, name)}" for name in ("trials", "steps", "threads")]
    same += [f"--batch-size={options.batch_size}"]
    same += [f"--model={options.model}", f"--data={options.data}", f"--work={work}"]
    command = [sys.executable, "-m", "benchmarks.overhead", f"--only={way}", *same]
    _prepared(options, work)  # not timed for any way
    began = time.time()
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(options.threads),
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{way} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [entry["time"] for entry in entries]
    further = statistics.median(later - earlier for earlier, later in pairwise(ends))
    print(f"{way}: {further:.2f} s for each further trial", file=sys.stderr)
    return {
        "start_up_seconds": round(ends[0] - began - further, 2),
        "seconds_per_further_trial": round(further, 3),
        "eval_losses": [round(entry["eval_loss"], 4) for entry in entries],
    }


def _run_one(options: argparse.Namespace) -> None:
    prepared = _prepared(options, options.work)
    job = Job(
        model=prepared.inputs.model.name,
        train=prepared.inputs.train,
        validation=prepared.inputs.validation,
        trials=options.trials,
        steps=options.steps,
        batch_size=options.batch_size,
        threads=options.threads,
        log=options.work / f"{options.only}.jsonl",
    )
    if options.only == "ours":
        from benchmarks.ways import ours

        ours.run(job, options.model, options.data, MAX_LENGTH)
        return
    from importlib import import_module

    import_module(f"benchmarks.ways.{options.only}").run(job)


def _prepared(options: argparse.Namespace, work: Path) -> Any:
    config = TrialConfig.model_validate(
        {"model": options.model, "data": {"train": options.data, "max_length": MAX_LENGTH}}
    )
    return inputs_of(config, work / "cache")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", default="builtin:pydoc")
    parser.add_argument("--data", default="builtin:pydoc")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

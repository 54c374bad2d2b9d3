"""Predicted memory of trials over two ranks against what each rank takes, counted.

    python -m benchmarks.planning.zero_plan [--kinds full lora ...]

Trains each kind of trial under each ZeRO stage for two steps on two CPU ranks, on Llamas of two
sizes with random weights, and counts the bytes of all tensors alive at the peak of a rank, as
benchmarks.planning.memory_plan does on one. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.planning.memory_plan import SIZES, counted_peak, trial_of, with_inputs
from trainables.config.trial import TrialConfig
from trainables.training.inputs import Inputs

RANKS = 2
MICRO_BATCH = 2
BUCKET = 100_000
"""Elements of DeepSpeed's buckets: its default would hide all else in a small model."""

KINDS: Mapping[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full, bf16": {"method": "full", "precision": "bf16"},
    "lora": {"method": "lora", "lora": {"rank": 16}},
    "lora, bf16": {"method": "lora", "lora": {"rank": 16}, "precision": "bf16"},
}

WAYS: Mapping[str, dict[str, Any] | None] = {
    "DDP": None,
    "ZeRO-0": {"zero_stage": 0},
    "ZeRO-1": {"zero_stage": 1},
    "ZeRO-2": {"zero_stage": 2},
    "ZeRO-2, optimizer on the host": {"zero_stage": 2, "offload_optimizer": "cpu"},
    "ZeRO-3": {"zero_stage": 3},
    "ZeRO-3, optimizer on the host": {"zero_stage": 3, "offload_optimizer": "cpu"},
}


def main() -> None:
    """Compare each kind and way at each size, and print the table."""
    options = _options()
    if options.folder is not None:
        _count(options)
        return
    print("| trial | ranks share by | model | predicted MB | counted MB | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in options.sizes:
        for kind in options.kinds:
            for way, predicted, counted in _on_ranks(size, kind, options.ways):
                figures = f"{predicted / 1e6:.1f} | {counted / 1e6:.1f} | {predicted / counted:.3f}"
                print(f"| {kind} | {way} | {size} | {figures} |", flush=True)


def _on_ranks(size: str, kind: str, ways: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """For each way the predicted bytes, and those of the rank that takes most."""
    with tempfile.TemporaryDirectory() as folder:
        ranks = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
        what = ["--folder", folder, "--kinds", kind, "--ways", *ways]
        with_inputs(Path(folder), SIZES[size], _trial(kind, ways[0]))
        done = subprocess.run(
            [sys.executable, *ranks, "-m", "benchmarks.planning.zero_plan", *what],
            env={**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{kind} failed:\n{done.stderr[-3000:]}")
        found = [json.loads((Path(folder) / f"rank{n}.json").read_text()) for n in range(RANKS)]
        for way, *of_ranks in zip(ways, *found, strict=True):
            yield way, of_ranks[0][0], max(counted for _, counted in of_ranks)


def _count(options: argparse.Namespace) -> None:
    """On one rank: write down what is predicted, and what is counted."""
    import deepspeed
    import torch.distributed as dist

    from benchmarks.tiny_inputs import inputs_in
    from trainables.core import ranks

    deepspeed.init_distributed("gloo", verbose=False)
    trials = [_trial(options.kinds[0], way) for way in options.ways]
    inputs = inputs_in(options.folder, trials[0].objective, options.folder / "model")
    figures = [_figures(each.with_params({"model": inputs.model.name}), inputs) for each in trials]
    (options.folder / f"rank{ranks.rank()}.json").write_text(json.dumps(figures))
    dist.destroy_process_group()


def _figures(config: TrialConfig, inputs: Inputs) -> tuple[int, int]:
    from trainables.planning.planner import Planner

    estimate = Planner(inputs).estimate(config, RANKS)
    # Here, host and device are one.
    return estimate.peak(MICRO_BATCH) + estimate.states.host, counted_peak(inputs, config)


def _trial(kind: str, way: str) -> TrialConfig:
    """Steps of one micro-batch on each rank."""
    engine = WAYS[way]
    buckets = {"reduce_bucket_size": BUCKET, "allgather_bucket_size": BUCKET}
    shared = {"deepspeed": None if engine is None else {**buckets, **engine}}
    whole = {"batch_size": RANKS * MICRO_BATCH}
    return trial_of({**KINDS[kind], **shared, **whole}, MICRO_BATCH)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name, known in (("kinds", KINDS), ("sizes", SIZES), ("ways", WAYS)):
        parser.add_argument(f"--{name}", nargs="*", choices=tuple(known), default=tuple(known))
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

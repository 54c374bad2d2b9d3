"""Bytes of parameters, gradients and optimizer state on each rank, per ZeRO stage.

    python -m benchmarks.planning.zero_memory [--ranks 2] [--precision bf16] [--hidden 256]

Trains a Llama with random weights under AdamW with one CPU process per rank, and compares the
storages of all live tensors with the closed form of Rajbhandari et al. 2020
(arXiv:1910.02054, section 3): mixed precision holds 2 bytes a parameter for weights, 2 for
gradients and 12 for the optimizer (fp32 weights and two moments), each divided by the ranks from
stage 3, 2 and 1 on. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STAGES = (0, 1, 2, 3)


def main() -> None:
    """Measure each stage in its own processes, and print the table."""
    options = _options()
    if options.stage is not None:
        _measure(options)
        return
    print("| stage | | weights | gradients | optimizer | together |")
    print("| --- | --- | --- | --- | --- | --- |")
    for stage in STAGES:
        measured = _run(options, stage)
        expected = closed_form(stage, options.ranks, options.precision)
        for name, row in (("measured", measured), ("closed form", expected)):
            figures = " | ".join(f"{value:.2f}" for value in (*row, sum(row)))
            print(f"| {stage} | {name} | {figures} |")


def closed_form(stage: int, ranks: int, precision: str) -> tuple[float, float, float]:
    """Bytes a parameter of (weights, gradients, optimizer) on each rank.

    In fp32 the weights are the optimizer's own, so it holds the two moments only.
    """
    width, state = (4.0, 8.0) if precision == "fp32" else (2.0, 12.0)
    return (
        width / (ranks if stage >= 3 else 1),
        width / (ranks if stage >= 2 else 1),
        state / (ranks if stage >= 1 else 1),
    )


def _run(options: argparse.Namespace, stage: int) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "bytes.json"
        ranks = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={options.ranks}"]
        settings = ["--stage", str(stage), "--out", str(result), "--hidden", str(options.hidden)]
        settings += ["--precision", options.precision]
        command = [sys.executable, *ranks, "-m", "benchmarks.planning.zero_memory", *settings]
        environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return tuple(json.loads(result.read_text()))


def _measure(options: argparse.Namespace) -> None:
    import deepspeed
    import torch

    from trainables.config.trial import TrialConfig
    from trainables.training.zero.settings import deepspeed_config

    deepspeed.init_distributed("gloo", verbose=False)
    config = TrialConfig.model_validate(
        {
            "model": "unused",
            "objective": "toy",
            "precision": options.precision,
            "deepspeed": {"zero_stage": options.stage},
        }
    )
    model = _model(options)
    count = sum(weight.numel() for weight in model.parameters())
    before = _alive() - _held(model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    settings = deepspeed_config(config, micro_batch_size=1, accumulation=1)
    # The paper omits DeepSpeed's bucket for gradients, whose default of 5e8 elements would hide
    # all else in a small model.
    settings["zero_optimization"]["reduce_bucket_size"] = count // 100
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=settings)
    tokens = torch.arange(16)[None]
    # The first step allocates the moments; the second's backward pass adds the gradients.
    engine.backward(engine(input_ids=tokens, labels=tokens).loss)
    engine.step()
    rested = _alive() - before
    engine.backward(engine(input_ids=tokens, labels=tokens).loss)
    kept = _held(_kept_gradients(engine.optimizer))
    gradients = _alive() - before - rested + kept
    rested -= kept
    weights = _held(getattr(w, "ds_tensor", w) for w in engine.module.parameters())
    if torch.distributed.get_rank() == 0:
        row = [weights / count, gradients / count, (rested - weights) / count]
        options.out.write_text(json.dumps(row))
    torch.distributed.destroy_process_group()


def _kept_gradients(optimizer: Any) -> Iterable[Any]:
    """Stage 3's gradients, whose memory persists from step to step."""
    buffer = getattr(optimizer, "grad_partitions_flat_buffer", None)
    return () if buffer is None else (buffer,)


def _model(options: argparse.Namespace) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = LlamaConfig(
        vocab_size=1024,
        hidden_size=options.hidden,
        intermediate_size=3 * options.hidden,
        num_hidden_layers=4,
        num_attention_heads=4,
        use_cache=False,
    )
    torch.manual_seed(0)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[options.precision]
    return LlamaForCausalLM(shape).to(dtype)


def _alive() -> int:
    """Bytes of the storages of all tensors reachable in Python."""
    import torch

    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects warn when inspected
        return _held(each for each in gc.get_objects() if isinstance(each, torch.Tensor))


def _held(tensors: Iterable[Any]) -> int:
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--stage", type=int, choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

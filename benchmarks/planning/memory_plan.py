"""Predicted memory of trials against the memory that they take, counted.

    python -m benchmarks.planning.memory_plan

Trains each kind of trial for two steps on a CPU, on Llamas of two sizes with random weights, and
counts the bytes of all tensors alive at the peak. The prediction sees the model's config and the
lengths of the data, but no weights. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainables.config.trial import TrialConfig
from trainables.training.inputs import Inputs

LENGTH = 192
SIZES: Mapping[str, tuple[int, int]] = {"small": (128, 4), "larger": (320, 6)}
"""Hidden size and layers."""

KINDS: Mapping[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full, in 8 rows": {"method": "full", "batch_size": 8},
    "full, bf16": {"method": "full", "precision": "bf16"},
    "lora": {"method": "lora", "lora": {"rank": 16}},
    "lora, bf16": {"method": "lora", "lora": {"rank": 16}, "precision": "bf16"},
    "lora, checkpointing": {"method": "lora", "gradient_checkpointing": True},
    "qlora": {"method": "qlora"},
    "adapter": {"method": "adapter"},
    "prefix": {"method": "prefix"},
    "lora, dpo": {"method": "lora", "objective": "dpo"},
    "lora, classification": {"method": "lora", "objective": "classification"},
    "full, adamw_8bit": {"method": "full", "optimizer": {"name": "adamw_8bit"}},
    "full, adafactor": {"method": "full", "optimizer": {"name": "adafactor"}},
}


def main() -> None:
    """Predict and measure each kind at each size, and print the table."""
    options = _options()
    print("| trial | model | micro-batch | predicted MB | counted MB | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size, shape in SIZES.items():
        for kind in options.kinds or KINDS:
            for micro_batch in (1, 4):
                _compare(size, shape, kind, micro_batch)


def _compare(size: str, shape: tuple[int, int], kind: str, micro_batch: int) -> None:
    from trainables.planning.planner import Planner

    with tempfile.TemporaryDirectory() as folder, _quiet():
        config, inputs = with_inputs(Path(folder), shape, trial_of(KINDS[kind], micro_batch))
        estimate = Planner(inputs).estimate(config, 1)
        # Here, host and device are one.
        predicted = estimate.peak(micro_batch) + estimate.states.host
        counted = counted_peak(inputs, config)
    figures = f"{predicted / 1e6:.1f} | {counted / 1e6:.1f} | {predicted / counted:.3f}"
    print(f"| {kind} | {size} | {micro_batch} | {figures} |", flush=True)


def counted_peak(inputs: Inputs, config: TrialConfig) -> int:
    """Bytes of all tensors at the peak of training."""
    from trainables.core.evaluation import Monitor
    from trainables.planning.live_bytes import LiveBytes
    from trainables.training.workshop import Workshop

    workshop = Workshop(inputs)
    meter = LiveBytes()
    with meter:
        workshop.measure_base(config)
        meter.peak = meter.now  # loading, which quantises weight by weight, is over
        workshop.train(config, Monitor())
    return meter.peak


def trial_of(kind: Mapping[str, Any], micro_batch: int) -> TrialConfig:
    """A trial of two steps, each of one micro-batch."""
    return TrialConfig.model_validate(
        {
            "model": "tiny",
            "data": {"train": "made here"},
            "precision": "fp32",
            "budget": {"steps": 2, "evaluations": 1},
            "batch_size": micro_batch,
            "micro_batch_size": micro_batch,
            # torch's plain Adam needs more while it steps on a GPU than on a CPU.
            "optimizer": {"name": "adamw_fused"},
            **kind,
        }
    )


def with_inputs(
    folder: Path, shape: tuple[int, int], config: TrialConfig
) -> tuple[TrialConfig, Inputs]:
    """A random model of (hidden size, layers) with data below `folder`, and the trial of it."""
    from benchmarks.tiny_inputs import VOCABULARY, example, inputs_in, make_model, sequence
    from trainables.data.tokens.examples import write

    hidden, layers = shape
    make_model(folder / "model", hidden, layers, length=4 * LENGTH)
    drawn = np.random.default_rng(0)
    # One validation example, so that training is what takes most.
    for name, count in (("train", 8), ("validation", 1)):
        sequences = [sequence(drawn.integers(2, VOCABULARY, LENGTH)) for _ in range(count + 1)]
        write(folder / name, [example(config.objective, n, sequences) for n in range(count)])
    inputs = inputs_in(folder, config.objective, folder / "model")
    return config.model_copy(update={"model": inputs.model.name}), inputs


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kinds", nargs="*", choices=tuple(KINDS))
    return parser.parse_args()


if __name__ == "__main__":
    main()

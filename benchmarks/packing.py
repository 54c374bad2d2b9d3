"""Training with packed examples against training without: tokens/s of both, and their ratio.

    python -m benchmarks.packing --model FOLDER --data FILE [--max-length 256] [--method full]

Both learn from the same examples of one file in the same process, in alternating runs, with equal
tokens per optimizer step and per micro-batch. Tokens exclude padding; the first steps of a run, and
evaluation, are not timed. Without a GPU, seconds are processor time, which other work on the
machine lengthens little. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.stopwatch import WARM_UP, Stopwatch
from trainables.config.trial import TrialConfig
from trainables.data.sets.summary import Side
from trainables.training.inputs import prepare_inputs
from trainables.training.workshop import Workshop


def main() -> None:
    """Train alternately, and compare."""
    options = _options()
    torch.set_num_threads(options.threads)
    packed = _config(options, packing=True)
    prepared = prepare_inputs(packed, Path(tempfile.mkdtemp()))
    workshop, side = Workshop(prepared.inputs), prepared.summary.train
    ways = {"unpacked": _config(options, packing=False), "packed": _alike(packed, side)}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, config in ways.items():
            rates[name].append(_tokens_per_second(workshop, config))
    ratios = [p / u for p, u in zip(rates["packed"], rates["unpacked"], strict=True)]
    report = {
        "data": prepared.description.splitlines(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "batch_size": {name: config.batch_size for name, config in ways.items()},
        "padding": {name: round(_padding(workshop, config), 3) for name, config in ways.items()},
        "tokens_per_second": {name: round(statistics.median(r)) for name, r in rates.items()},
        "packed_to_unpacked": round(statistics.median(ratios), 3),
        "least_and_most": [round(min(ratios), 3), round(max(ratios), 3)],
    }
    print(json.dumps(report, indent=1))


def _config(options: argparse.Namespace, *, packing: bool) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "model": options.model,
            "data": {"train": options.data, "max_length": options.max_length, "packing": packing},
            "method": options.method,
            "precision": options.precision,
            "batch_size": options.batch_size,
            "micro_batch_size": options.batch_size,
            "budget": {"epochs": options.epochs, "evaluations": 1},
        }
    )


def _alike(packed: TrialConfig, side: Side) -> TrialConfig:
    """The configuration with as many packs per step as hold the other way's examples."""
    size = max(1, round(packed.batch_size * side.packs / side.examples))
    return packed.with_params({"batch_size": size, "micro_batch_size": size})


def _tokens_per_second(workshop: Workshop, config: TrialConfig) -> float:
    plan = workshop.plan(config, workers=1)
    watch = Stopwatch(plan.steps)
    workshop.train(config, watch)
    trained = plan.tokens_after[-1] - plan.tokens_after[WARM_UP]
    return float(trained / (watch.times[-1] - watch.times[WARM_UP - 1]))


def _padding(workshop: Workshop, config: TrialConfig) -> float:
    """The share of padding in all computed tokens."""
    plan = workshop.plan(config, workers=1)
    lengths = workshop.learned(config).trained.lengths
    rows = [lengths[plan.micro_batch(number)] for number in range(plan.micro_batches)]
    return 1 - sum(r.sum() for r in rows) / sum(len(r) * r.max() for r in rows)


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a folder")
    parser.add_argument("--data", required=True, help="chats, as of data.train")
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--method", choices=("lora", "full"), default="full")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="fp32")
    parser.add_argument("--batch-size", type=int, default=16, help="examples, where not packed")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()

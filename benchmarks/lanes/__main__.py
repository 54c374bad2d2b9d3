"""LoRA trials in lanes, in as many as pay, in one after the other, and through the Trainer.

    python -m benchmarks.lanes [--model FOLDER] [--lanes 8] [--rows 1] [--tokens 64]

All train the same trials on the same random sequences of equal length in one process, in
alternating rounds. Setup and evaluation do not count: the seconds are the difference between long
and short trials. Evaluations are measured apart, together and one after the other: their seconds
are the difference between trials with several and with one. Without a GPU they are processor time,
which other work on the machine lengthens little. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.lanes.found import Found
from benchmarks.tiny_inputs import make_model
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor
from trainables.core.model_source import ModelSource
from trainables.data.tokens.examples import Example, write
from trainables.data.tokens.sequences import TokenSequence
from trainables.lanes.lane import Entry, Lane
from trainables.lanes.limits import FoundLimits
from trainables.lanes.loop import Lanes
from trainables.training.checkpoints import NO_CHECKPOINTS
from trainables.training.inputs import Inputs
from trainables.training.workshop import Workshop

SHORT = 2
"""Steps of the short trials, and of those that are evaluated."""

EVALUATIONS = 2
"""Evaluations of each of these, against one."""

VALIDATION = 8
"""Passes of an evaluation of one lane."""

Way = Callable[[Workshop, Sequence[TrialConfig]], None]


def main() -> None:
    """Train alternately, and compare."""
    options = _options()
    torch.set_num_threads(options.threads)
    folder = Path(tempfile.mkdtemp())
    if options.model is None:
        make_model(folder / "model")
    model = options.model or folder / "model"
    workshop = Workshop(_inputs(folder, model, options))
    found = Found(options.lanes)
    ways = {**WAYS, "auto": partial(in_lanes, found=found.limits)}
    for way in WAYS.values():
        _seconds(way, workshop, options, SHORT)  # the first passes are slow
    finding, known = (_seconds(ways["auto"], workshop, options, SHORT) for _ in range(2))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            longer, shorter = (
                _seconds(way, workshop, options, steps) for steps in (options.steps, SHORT)
            )
            seconds[name].append(longer - shorter)
    apart, together = (_evaluating(kind, workshop, options) for kind in (Apart, Lanes))
    tokens = options.rows * options.tokens
    work = options.lanes * (options.steps - SHORT) * tokens
    rates = {name: work / statistics.median(each) for name, each in seconds.items()}
    report = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "parameters": sum(p.numel() for p in workshop.lend(_config(options, 0, 1)).parameters()),
        "lanes": options.lanes,
        "rows": options.rows,
        "tokens": options.tokens,
        "method": options.method,
        "precision": options.precision,
        "fit": found.first.fit,
        "pay": found.first.pay,
        "tokens_per_second": {name: round(rate) for name, rate in rates.items()},
        "lanes_over_one_lane": round(rates["lanes"] / rates["one lane"], 2),
        "auto_over_one_lane": round(rates["auto"] / rates["one lane"], 2),
        "lanes_over_trainer": round(rates["lanes"] / rates["trainer"], 2),
        "one_lane_over_trainer": round(rates["one lane"] / rates["trainer"], 2),
        "evaluated_together_over_apart": round(apart / together, 2),
        "passes_to_find_auto": round((finding - known) * rates["one lane"] / tokens),
    }
    print(json.dumps(report, indent=1))


def in_lanes(
    workshop: Workshop,
    configs: Sequence[TrialConfig],
    lanes: int | None = None,
    kind: type[Lanes] = Lanes,
    found: FoundLimits | None = None,
) -> None:
    """All at once, or so many at a time."""
    entries = deque(
        Entry(config, Monitor(), NO_CHECKPOINTS, lambda _: None, _raise, _raise)
        for config in configs
    )
    first = entries.popleft()
    made = kind(workshop, lanes or len(configs), found)
    made.run(first, lambda: entries.popleft() if entries else None)


class Apart(Lanes):
    """Lanes that measure themselves one after the other."""

    def _measure(self, lanes: Sequence[Lane]) -> None:
        """Nothing: each does it after its step."""


def _evaluating(kind: type[Lanes], workshop: Workshop, options: argparse.Namespace) -> float:
    """Seconds of the evaluations that trials with several have more than trials with one."""
    found = []
    for _ in range(options.rounds):
        several, one = (
            _seconds(partial(in_lanes, kind=kind), workshop, options, SHORT, evaluations)
            for evaluations in (EVALUATIONS, 1)
        )
        found.append(several - one)
    return statistics.median(found)


def in_one_lane(workshop: Workshop, configs: Sequence[TrialConfig]) -> None:
    """One after the other, by the same code."""
    in_lanes(workshop, configs, lanes=1)


def in_trainer(workshop: Workshop, configs: Sequence[TrialConfig]) -> None:
    """One after the other, by transformers' Trainer and PEFT."""
    for config in configs:
        workshop.train(config, Monitor())


WAYS: dict[str, Way] = {"lanes": in_lanes, "one lane": in_one_lane, "trainer": in_trainer}


def _raise(error: Exception | str | None) -> None:
    raise error if isinstance(error, Exception) else RuntimeError(error or "out of memory")


def _seconds(
    way: Way, workshop: Workshop, options: argparse.Namespace, steps: int, evaluations: int = 1
) -> float:
    configs = [_config(options, number, steps, evaluations) for number in range(options.lanes)]
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    began = clock()
    way(workshop, configs)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - began


def _config(
    options: argparse.Namespace, number: int, steps: int, evaluations: int = 1
) -> TrialConfig:
    return TrialConfig(
        model="model",
        data={"train": "unused"},
        method=options.method,
        precision=options.precision,
        budget={"steps": steps, "evaluations": evaluations},
        batch_size=options.rows,
        micro_batch_size=options.rows,
        learning_rate=1e-3 * (1 + number),
        seed=number,
    ).with_params({"lora.rank": 8})


def _inputs(folder: Path, model: Path, options: argparse.Namespace) -> Inputs:
    words = json.loads((Path(model) / "config.json").read_text())["vocab_size"]
    rng = np.random.default_rng(0)
    for name, count in (("train", 64), ("validation", VALIDATION * options.rows)):
        drawn = rng.integers(2, words, (count, options.tokens)).tolist()
        marks = [True] * options.tokens
        write(folder / name, [Example((TokenSequence.of(tokens, marks),)) for tokens in drawn])
    return Inputs(ModelSource(str(model)), folder / "train", folder / "validation")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--steps", type=int, default=22)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--method", choices=["lora", "qlora"], default="lora")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    return parser.parse_args()


if __name__ == "__main__":
    main()

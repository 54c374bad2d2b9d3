"""`micro_batch_size: auto`: the micro-batch grows as long as tokens per second do.

Trials of a few steps, none of which reaches an evaluation. Once for
each kind of trial on a device; what is found is kept beside the prepared data.
"""

from __future__ import annotations

import json
import time
from itertools import pairwise

import torch
from pydantic import BaseModel, ValidationError

from trainables.config.budget import TrialBudget
from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.core.evaluation import Ending, Monitor
from trainables.planning.paying import paying
from trainables.planning.planner import Planner
from trainables.training.inputs import Inputs
from trainables.training.memory import free_memory, is_out_of_memory
from trainables.training.workshop import Workshop

GAIN = 1.05
"""What twice the micro-batch must do to tokens per second. Less may be chance."""

_STEPS = 2
"""Of each trial; the first is slower and not timed."""

_ROUNDS = 2
"""Trials with each size, of which the fastest counts."""

_ROWS = 32
"""Sequences of a step, or one micro-batch if that is more."""

_FILE = "micro_batch_sizes.json"


class Grown(BaseModel):
    """The micro-batch that is fastest, of those up to `tried`."""

    best: int
    tried: int


def with_grown_micro_batch(workshop: Workshop, config: TrialConfig) -> TrialConfig:
    """The trial with the micro-batch that is fastest at its batch size; the same trial unless that
    is to be found."""
    if not config.micro_batch_grows:
        return config
    most = min(config.learns.step_size(config), _fitting(workshop, config))
    kept = _Kept(workshop.inputs)
    known = kept.of(config)
    if known is None or known.best == known.tried < most:
        known = Grown(best=_fastest(workshop, config, most), tried=most)
        kept.keep(config, known)
    return config.model_copy(update={"micro_batch_size": min(known.best, most)})


def bound_growth(inputs: Inputs, config: TrialConfig, size: int) -> None:
    """Note that trials of this kind run out of memory with so many sequences."""
    kept = _Kept(inputs)
    known = kept.of(config)
    if known is not None and known.best >= size:
        kept.keep(config, Grown(best=max(1, size // 2), tried=known.tried))


def _fastest(workshop: Workshop, config: TrialConfig, most: int) -> int:
    fits = most

    def seconds(size: int) -> float:
        """Those of a pass; endless if it does not fit."""
        nonlocal fits
        if size > fits:
            return float("inf")
        try:
            return _seconds_of_pass(workshop, config, size)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fits = size - 1
            return float("inf")

    return paying(seconds, most, GAIN, first=config.micro_batch_size, rounds=_ROUNDS)


def _seconds_of_pass(workshop: Workshop, config: TrialConfig, size: int) -> float:
    """The seconds of a micro-batch of this size, by a step of several if they are small."""
    passes = max(1, _ROWS // size)
    short = {
        "budget": TrialBudget(steps=_STEPS + 1, evaluations=1),
        "batch_size": size * passes,
        "micro_batch_size": size,
    }
    watch = _Watch()
    workshop.train(config.model_copy(update=short), watch)
    return min(later - earlier for earlier, later in pairwise(watch.steps)) / passes


class _Watch(Monitor):
    """Times a few steps, and stops the trial after them."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def asked_to_end(self) -> Ending | None:
        self.steps.append(time.monotonic())
        return Ending.STOPPED if len(self.steps) == _STEPS else None


def _fitting(workshop: Workshop, config: TrialConfig) -> int:
    """The most sequences of the longest kind for which there is memory; on a host, trying could end
    the process."""
    try:
        estimate = Planner(workshop.inputs).estimate(config, workers=1)
    except ModelError:
        return config.micro_batch_size
    # The base may be loaded already: what it holds is not free any more, and counted again.
    return max(config.micro_batch_size, estimate.largest_micro_batch(free_memory(workshop.device)))


class _Kept:
    """What was found before, in a file beside the data: so for one model and its lengths."""

    def __init__(self, inputs: Inputs) -> None:
        self._path = inputs.train.with_name(f"{inputs.train.name}-{_FILE}")

    def of(self, config: TrialConfig) -> Grown | None:
        try:
            return Grown.model_validate(self._read().get(_kind(config)))
        except ValidationError:
            return None

    def keep(self, config: TrialConfig, found: Grown) -> None:
        text = json.dumps({**self._read(), _kind(config): found.model_dump()})
        draft = self._path.with_suffix(".partial")
        try:
            draft.write_text(text)
            draft.replace(self._path)
        except OSError:
            return  # the next trial finds it again

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _kind(config: TrialConfig) -> str:
    """What two trials on one device must share to be as fast."""
    device = f"{torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    checkpointing = "checkpointing" if config.gradient_checkpointing else "no checkpointing"
    return ", ".join((device, config.objective, config.method, config.precision, checkpointing))

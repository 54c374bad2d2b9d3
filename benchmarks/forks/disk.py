"""What a fork takes on disk, beside a copy of the same state in memory and a step of training."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import load_file

from benchmarks.tiny_inputs import make_inputs, make_model
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.forks.forking import ForkingCheckpoints
from trainables.training.forks.forks import Forks
from trainables.training.forks.tape import Tape
from trainables.training.trainer import TRAINED, TrialTrainer
from trainables.training.workshop import Workshop

SIZES = ((64, 2), (512, 8), (768, 12))
"""Hidden size and layers of random Llamas."""

COLUMNS = ("method", "parameters", "fork, MB", "write, s", "begin, s", "in memory, s", "step, s")

_STEPS, _TIMES = 12, 5
_LAYOUT = "one worker"


def rows() -> Iterator[tuple[str, ...]]:
    """One for each method and size: medians over the forks of one trial."""
    for hidden, layers in SIZES:
        for method in ("lora", "full"):
            with tempfile.TemporaryDirectory() as scratch:
                yield _row(Path(scratch), method, hidden, layers)


def _row(place: Path, method: str, hidden: int, layers: int) -> tuple[str, ...]:
    count = make_model(place / "model", hidden, layers)
    workshop = Workshop(make_inputs(place, "clm", place / "model"))
    config = TrialConfig.model_validate(
        {
            "model": "tiny",
            "objective": "clm",
            "method": method,
            "data": {"train": "unused"},
            "precision": "fp32",
            "schedule": "wsd",
            "budget": {"steps": _STEPS, "evaluations": 1},
            "batch_size": 8,
            "lora": {"rank": 16},
        }
    )
    tape = Tape(config, workshop.plan(config, 1))
    forks = Forks(place / "forks", _LAYOUT, ())
    watch = _Stopwatch(place / "trial", forks, tape)
    workshop.train(config, Monitor(), watch)
    begun = [_begun(forks, tape, place / f"branch-{number}") for number in range(_TIMES)]
    size = sum(file.stat().st_size for file in next(forks.folder.iterdir()).rglob("*"))
    seconds = (median(each) for each in (watch.written, begun, watch.copied, watch.steps))
    return method, f"{count / 1e6:.1f}M", f"{size / 1e6:.1f}", *(f"{each:.3f}" for each in seconds)


def _begun(forks: Forks, tape: Tape, place: Path) -> float:
    """Seconds of a branch until it has what the fork gives it."""
    began = time.perf_counter()
    forks.take(tape, place / "checkpoints", place)
    checkpoints = Checkpoints(place / "checkpoints", float("inf"), _LAYOUT)
    latest = checkpoints.latest()
    assert latest is not None, "a fork was written"
    load_file(checkpoints.path(latest) / TRAINED)
    torch.load(checkpoints.path(latest) / "optimizer.pt", weights_only=True)
    return time.perf_counter() - began


class _Stopwatch(ForkingCheckpoints):
    """Writes a fork after each of some late steps, and times it, a copy in memory, and the steps
    between the others."""

    def __init__(self, trial: Path, forks: Forks, tape: Tape) -> None:
        steps = range(_STEPS - _TIMES, _STEPS)
        super().__init__(trial / "checkpoints", float("inf"), trial, forks, tape, steps, [])
        self.written: list[float] = []
        self.copied: list[float] = []
        self.steps: list[float] = []
        self._before: float | None = None

    def due(self) -> bool:
        """Asked after each step."""
        if self._before is not None:
            self.steps.append(time.perf_counter() - self._before)
        self._before = time.perf_counter()
        return False

    def part(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """Write a fork."""
        self.copied.append(_seconds(lambda: _copy(fill)))
        self.written.append(_seconds(lambda: super(_Stopwatch, self).part(checkpoint, fill)))
        self._before = None


def _copy(fill: Callable[[Path], None]) -> list[torch.Tensor]:
    """Copies of what a fork has, of the trainer that fills it."""
    trainer = getattr(fill, "__self__", None)
    assert isinstance(trainer, TrialTrainer) and trainer.optimizer is not None
    trained = [each for each in trainer.model.parameters() if each.requires_grad]
    moments = [value for state in trainer.optimizer.state.values() for value in state.values()]
    return [each.detach().clone() for each in (*trained, *moments)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

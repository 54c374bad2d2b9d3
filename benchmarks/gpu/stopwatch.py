"""Times the optimizer steps of one trial, and keeps its measurements."""

from __future__ import annotations

import time

import torch

from trainables.core.evaluation import Ending, Evaluation, Monitor, Verdict

WARM_UP = 3
"""Untimed steps at the beginning, which choose kernels and allocate memory."""


def now() -> float:
    """Seconds; without a GPU those of the processor, which other work lengthens little."""
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


class Stopwatch(Monitor):
    """`times` has the time (`now`) at which the host finished each step, `losses` the measured
    losses.

    Waits for the device only at the start and end of timing, as training itself never waits.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.times: list[float] = []
        self.losses: list[float] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Keep the evaluation's loss."""
        self.losses.append(evaluation.metrics["eval_loss"])
        return Verdict()

    def asked_to_end(self) -> Ending | None:
        """Called after each step and before an evaluation, so evaluations are not timed."""
        at = len(self.times) + 1
        if torch.cuda.is_available() and at in (WARM_UP, self._steps):
            torch.cuda.synchronize()
        self.times.append(now())
        return None

    def seconds_per_step(self) -> float:
        """The mean over all steps but the first."""
        timed = self.times[WARM_UP - 1 :]
        return (timed[-1] - timed[0]) / (len(timed) - 1)

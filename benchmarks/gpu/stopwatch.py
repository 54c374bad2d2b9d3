"""Times the optimizer steps of one trial, and keeps what was measured of it."""

from __future__ import annotations

import time

import torch

from trainables.core.evaluation import Ending, Evaluation, Monitor, Verdict

WARM_UP = 3
"""Steps at the beginning that are not timed: kernels are chosen and memory is taken."""


class Stopwatch(Monitor):
    """`times` is when the host was done with each of so many steps, `losses` what was measured.

    It waits for the device only where timing begins and ends, as training itself waits for no step.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self.times: list[float] = []
        self.losses: list[float] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        """Note it."""
        self.losses.append(evaluation.metrics["eval_loss"])
        return Verdict()

    def asked_to_end(self) -> Ending | None:
        """Asked after each step and before an evaluation, so evaluations are not timed."""
        at = len(self.times) + 1
        if torch.cuda.is_available() and at in (WARM_UP, self._steps):
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        return None

    def seconds_per_step(self) -> float:
        """The mean over all steps but the first."""
        timed = self.times[WARM_UP - 1 :]
        return (timed[-1] - timed[0]) / (len(timed) - 1)

"""The end of a trial that no longer improves. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trainables.core.evaluation import Evaluation


@dataclass(frozen=True)
class TrialPatience:
    """`evaluations` in a row, each no more than `min_delta` better than the best before them."""

    evaluations: int
    min_delta: float
    metric: str
    mode: str

    def is_over(self, seen: Sequence[Evaluation]) -> bool:
        """Whether a trial with these evaluations ends; those without the metric do not count."""
        best, idle = math.inf, 0
        for evaluation in seen:
            if self.metric not in evaluation.compared:
                continue
            value = evaluation.compared[self.metric] * (-1.0 if self.mode == "max" else 1.0)
            better = value < best - self.min_delta
            best, idle = (value, 0) if better else (best, idle + 1)
        return idle >= self.evaluations

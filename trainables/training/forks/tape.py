"""What each optimizer step of a trial does, to find the steps that two trials share. No torch.

Steps are compared, not fields: whether a field acts late follows from the schedule. Two WSD trials
with other decay fractions are the same trial until one of them begins to decay.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.dotted import leaves
from trainables.config.trial import TrialConfig
from trainables.training.plan import Plan
from trainables.training.schedules import multiplier

BY_RATE = frozenset({"schedule", "warmup_fraction", "floor_fraction", "wsd.decay_fraction"})
"""The fields that act through the learning rate alone, which the tape has for each step.

Every other field counts as acting from the first step on, so that a new one cannot be missed.
"""


class Tape:
    """The steps of one trial: its settings, and for each step the learning rate, the examples and
    whether it is measured.

    The rate is that of a parameter group without a ratio of its own; ratios are settings.
    """

    def __init__(self, config: TrialConfig, plan: Plan) -> None:
        factor = multiplier(config, plan.steps)
        self.settings = _settings(config, plan)
        self.rates = np.array([config.learning_rate * factor(step) for step in range(plan.steps)])
        self.order, self.ends = plan.order, plan.ends
        self.points = np.zeros(plan.steps, dtype=np.int64)
        for step, point in plan.points.items():
            self.points[step - 1] = point

    @property
    def steps(self) -> int:
        """The number of optimizer steps."""
        return len(self.rates)

    def until(self, step: int) -> str:
        """A hash of all that happens in the first `step` steps: equal for two trials exactly if
        they share these."""
        assert 0 <= step <= self.steps, f"a step of {self.steps}, not {step}"
        digest = hashlib.sha256(self.settings.encode())
        parts = (self.rates[:step], self.points[:step], self.ends[: step + 1])
        for part in (*parts, self.order[: self.ends[step]]):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def shared_steps(one: Tape, other: Tape) -> int:
    """The number of steps from the first on that two trials have in common."""
    if one.settings != other.settings:
        return 0
    examples = _agreeing(one.order, other.order)
    return min(
        _agreeing(one.rates, other.rates),
        _agreeing(one.points, other.points),
        _agreeing(one.ends[1:], other.ends[1:]),
        int(np.searchsorted(one.ends[1:], examples, side="right")),
    )


def _settings(config: TrialConfig, plan: Plan) -> str:
    """All that acts from the first step on."""
    fields = leaves(config.model_dump(mode="json"), keep_empty=True)
    cuts = [plan.steps, plan.workers, plan.micro_batch_size, plan.accumulation]
    acting = {name: value for name, value in fields.items() if name not in BY_RATE}
    return json.dumps([cuts, acting], sort_keys=True)


def _agreeing(one: NDArray[Any], other: NDArray[Any]) -> int:
    """The length of the beginning that two arrays share."""
    most = min(len(one), len(other))
    (different,) = np.nonzero(one[:most] != other[:most])
    return int(different[0]) if len(different) else most

"""What a dry run finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from results.records.quote import Quote
from search_spaces.values import Value
from sweeps.caps.timing import (
    STEPS,
)
from sweeps.run.dry_run.tried import Tried
from sweeps.run.repeats import most_repeats
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Cost, Evaluation
from trainables.core.progress import Progress

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


@dataclass(frozen=True)
class DryRun:
    """Measurements, and the estimate for the whole sweep on one slot like this machine."""

    params: dict[str, Value]
    slots: str
    data: str
    base_metrics: dict[str, float]
    trial_metrics: dict[str, float]
    peak_memory_bytes: int
    trainable_parameters: int
    total_parameters: int
    trials: int
    seconds_per_step: float = 0.0
    evaluation_seconds: float = 0.0
    tokens_per_second: float = 0.0
    steps: int = 0
    evaluations: int = 1
    repeats: int = 0
    before_end: float = 1.0
    timed_steps: int = STEPS
    budget: str = ""
    generation_seconds: float = 0.0
    answer_seconds: Mapping[str, float] = field(default_factory=dict)
    on_gpu: bool = False
    edits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    slots_fit: bool = True
    quote: Quote | None = None

    @property
    def trial_seconds(self) -> float:
        """Training and evaluating one trial at its whole budget."""
        others = self.steps * self.seconds_per_step + self.generation_seconds
        return others + (1 + (self.evaluations - 1) * self.before_end) * self.evaluation_seconds

    @property
    def evaluation_share(self) -> float:
        """The share of a trial's time in which it is evaluated, without answers."""
        return (
            1 - (self.steps * self.seconds_per_step + self.generation_seconds) / self.trial_seconds
        )

    @property
    def sweep_seconds(self) -> float:
        """All trials and repeats in a row at their whole budget; early stopping makes it less."""
        return (self.trials + self.repeats) * self.trial_seconds


def begun(
    tried: Tried, workshop: Workshop, base: Evaluation, last: Evaluation | None, cost: Cost
) -> DryRun:
    """What every dry run says, with nothing timed yet."""
    return DryRun(
        params=tried.params,
        slots=tried.room.slots,
        slots_fit=tried.room.fits,
        data=tried.prepared.description,
        base_metrics=dict(base.metrics),
        trial_metrics=dict(last.metrics) if last else {},
        peak_memory_bytes=cost.peak_memory_bytes,
        on_gpu=workshop.device.type == "cuda",
        trainable_parameters=cost.trainable_parameters,
        total_parameters=cost.total_parameters,
        trials=tried.spec.trials,
        repeats=most_repeats(tried.spec),
        notes=tried.prepared.remarks,
    )


def base_of(workshop: Workshop, config: TrialConfig, progress: Progress) -> Evaluation:
    with progress.phase("measuring the base model"):
        return workshop.measure_base(config)

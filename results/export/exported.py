"""The facts of an exported model, for its card and its scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from results.records.record import Measurement, SweepRecord, TrialRecord


@dataclass(frozen=True)
class Base:
    """The base model by name: a hub id with its revision, or a folder. `license` None: unknown."""

    name: str
    is_folder: bool
    revision: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Exported:
    """A trial's model as it was exported.

    `measured` is the evaluation at which its weights were kept, `error` the standard error of its
    eval_loss; `again` are the metrics of the export itself, empty if it was not measured. `place`
    is the trial's rank among the sweep's complete trials, `verdict` what the sweep concluded.
    """

    sweep: SweepRecord
    trial: TrialRecord
    measured: Measurement
    place: int | None
    trials: int
    verdict: str
    base: Base
    whole: bool
    dtype: str | None
    loading: str
    data: str
    train: tuple[str, ...]
    error: float | None
    again: Mapping[str, float]

    @property
    def title(self) -> str:
        """`Trial 7 of sweep alpaca-lora`, or with `, seed 2` for a repeat."""
        seed = f", seed {self.trial.repeat}" if self.trial.confirms is not None else ""
        return f"Trial {self.trial.trial} of sweep {self.sweep.name}{seed}"

    @property
    def method(self) -> str:
        """The tuning method."""
        return str(self.trial.config.get("method", ""))

    @property
    def objective(self) -> str:
        """The objective."""
        return str(self.trial.config.get("objective", ""))

    @property
    def generates(self) -> bool:
        """Whether the model writes text; classifiers and reward models do not."""
        return self.objective not in ("classification", "reward")

    @property
    def cost(self) -> float | None:
        """The eval_loss that the export has more than the trial; None if it was not measured."""
        if "eval_loss" not in self.again:
            return None
        return self.again["eval_loss"] - self.measured.metrics["eval_loss"]

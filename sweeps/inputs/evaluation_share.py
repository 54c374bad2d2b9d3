"""The share of a trial that evaluation takes, by the tokens read: known before any trial begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.caps.trained_tokens import work_of
from sweeps.inputs.budgets import Extent
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from trainables.data.tokens.examples import Examples
from trainables.training.inputs import Inputs

TRAINING = 3.0
"""Time of a training token in that of an evaluated one: forward once, backward for twice as long
(Kaplan et al. 2020, arXiv:2001.08361)."""


@dataclass(frozen=True)
class EvaluationShare:
    """The tokens that a trial trains on, and those that it is evaluated on `points` times. `sets`
    are the names of what is evaluated."""

    trained: float
    evaluated: float
    points: int
    sets: tuple[str, ...]

    @property
    def times(self) -> float:
        """Evaluated tokens for each one trained on."""
        return self.evaluated / self.trained

    @property
    def of_time(self) -> float:
        """The share of the time of a trial's passes."""
        return self.evaluated / (self.evaluated + TRAINING * self.trained)

    def __str__(self) -> str:
        return (
            f"Evaluation reads {_short(self.times)} times the tokens that training does "
            f"({' and '.join(self.sets)}), about {self.of_time:.0%} of a trial's time"
        )

    def note(self, most: float, measured: float | None = None) -> str:
        """What to do if the share, `measured` or expected, is above `most`; else empty."""
        share = self.of_time if measured is None else measured
        if share <= most:
            return ""
        smaller = " and ".join(_SMALLER[name] for name in self.sets)
        fewer = "lower budget.evaluations, or " if self.points > 1 else ""
        return (
            f"Evaluation takes {share:.0%} of a trial's time, more than evaluation.time_share "
            f"{most:g}; {fewer}evaluate on less ({smaller})."
        )

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "trained_tokens": round(self.trained),
            "evaluated_tokens": round(self.evaluated),
            "share_of_time": round(self.of_time, 4),
        }


_SMALLER = {"validation": "a smaller data.validation", "general set": "a shorter data.general"}


def evaluation_share(
    spec: SweepSpec, inputs: Inputs, found: Sequence[Extent]
) -> EvaluationShare | None:
    """That of a middling trial of the space; None where no trial trains, or where answers are what
    is measured."""
    if spec.trial.learns.rolls_out:
        return None
    if not any(method.trains for method in methods_of(spec.trial, spec.space)):
        return None
    middle = found[len(found) // 2]
    trained, _ = work_of(spec, inputs)(middle.params)
    sets = {"validation": inputs.validation, "general set": inputs.general}
    read = {name: float(Examples(each).lengths.sum()) for name, each in sets.items() if each}
    return EvaluationShare(trained, middle.points * sum(read.values()), middle.points, tuple(read))


def _short(times: float) -> str:
    return f"{times:.0f}" if times >= 10 else f"{times:.1f}" if times >= 0.1 else f"{times:.2g}"

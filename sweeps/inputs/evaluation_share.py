"""The share of a trial that evaluation takes, by the tokens read: known before any trial begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.caps.trained_tokens import work_of
from sweeps.inputs.budgets import Extent
from sweeps.spec.generation import methods_of
from sweeps.spec.spec import SweepSpec
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.part import part_at_points
from trainables.training.inputs import Inputs

TRAINING = 3.0
"""Time of a training token in that of an evaluated one: forward once, backward for twice as long
(Kaplan et al. 2020, arXiv:2001.08361)."""


@dataclass(frozen=True)
class EvaluationShare:
    """The tokens that a trial trains on, and those of its `points` evaluations: of the last, on the
    `whole` of the `sets`, and of each one before."""

    trained: float
    whole: float
    before: float
    points: int
    sets: tuple[str, ...]

    @property
    def evaluated(self) -> float:
        """The tokens of all evaluations."""
        return self.whole + (self.points - 1) * self.before

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
            f"Evaluation reads {_short(self.times)} times training's tokens "
            f"({' and '.join(self.sets)}): by tokens, about {self.of_time:.0%} of a trial's time"
        )

    def before_within(self, most: float) -> float:
        """Tokens of an evaluation before the end with which the share is `most`; may be none."""
        evaluated = most / (1 - most) * TRAINING * self.trained if most < 1 else math.inf
        return (evaluated - self.whole) / (self.points - 1) if self.points > 1 else math.inf

    def note(self, most: float, measured: float | None = None) -> str:
        """What to do if the share, `measured` or expected, is above `most`; else empty."""
        share = self.of_time if measured is None else measured
        if share <= most:
            return ""
        by_tokens = measured is None
        how = "By tokens, evaluation takes about" if by_tokens else "As measured, evaluation takes"
        ways = ["lower budget.evaluations", "lower evaluation.examples"] if self.points > 1 else []
        if ways and self.before == self.whole:
            ways[1] = "set evaluation.examples to measure fewer before a trial's end"
        ways.append(" and ".join(_SMALLER[name] for name in self.sets))
        return (
            f"{how} {share:.0%} of a trial's time, more than evaluation.time_share {most:g}; "
            f"{', '.join(ways[:-1])}{', or ' if ways[1:] else ''}{ways[-1]}."
        )

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "trained_tokens": round(self.trained),
            "evaluated_tokens": round(self.evaluated),
            "share_of_time": round(self.of_time, 4),
        }


_SMALLER = {"validation": "take a smaller data.validation", "general set": "a smaller data.general"}


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
    whole, before = _tokens(spec, inputs)
    sets = ("validation", "general set") if inputs.general else ("validation",)
    return EvaluationShare(trained, whole, before, middle.points, sets)


def before_end(spec: SweepSpec, inputs: Inputs) -> float:
    """An evaluation before a trial's end as a share of the one at its end."""
    whole, before = _tokens(spec, inputs)
    return before / whole


def larger_than_sets(spec: SweepSpec, inputs: Inputs) -> str:
    """A note if evaluation.examples asks for more than any measured set has; else empty."""
    wanted = spec.trial.evaluation.examples
    most = max(len(Examples(each)) for each in (inputs.validation, inputs.general) if each)
    if not isinstance(wanted, int) or wanted < most or spec.trial.learns.rolls_out:
        return ""
    return f"evaluation.examples {wanted:,} has no effect: there are {most:,} to evaluate on."


def _tokens(spec: SweepSpec, inputs: Inputs) -> tuple[float, float]:
    """Of the measured sets, and of what is measured before a trial's end."""
    whole = before = 0.0
    for folder in (inputs.validation, inputs.general):
        if folder is not None:
            examples = Examples(folder)
            part = part_at_points(spec.trial, examples) or examples
            whole += float(examples.lengths.sum())
            before += float(part.lengths.sum())
    return whole, before


def _short(times: float) -> str:
    return f"{times:.0f}" if times >= 10 else f"{times:.1f}" if times >= 0.1 else f"{times:.2g}"

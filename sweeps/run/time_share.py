"""The share of each trial's time that answers will take, known once the base is measured."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.run.budgets import Extent, extents
from sweeps.spec.spec import SweepSpec
from trainables.config.budget import TrialBudget
from trainables.config.evaluation import share_note
from trainables.core.evaluation import Evaluation
from trainables.data.tokens.examples import Examples
from trainables.training.inputs import Inputs

_TRAINING = 3.0
"""Time of a training token in that of an evaluated one: forward once, backward for twice as long
(Kaplan et al. 2020, arXiv:2001.08361)."""


def time_note(spec: SweepSpec, inputs: Inputs, base: Evaluation) -> str:
    """A note if answers will take more than `evaluation.time_share` of each trial's time, judged by
    the base's evaluation in a slot; else empty."""
    settings = spec.trial.evaluation
    train, validation = (Examples(each).lengths for each in (inputs.train, inputs.validation))
    found = extents(spec, inputs)
    tokens = tokens_of(found, spec.trial.budget, float(train.mean()))
    share = share_of_answers(
        base,
        tokens / float(validation.sum()),
        evaluations=found[0].points,
        answered=settings.times(spec.trial.budget.evaluations),
    )
    return share_note(share, settings.time_share) if share > settings.time_share else ""


def share_of_answers(base: Evaluation, trained: float, evaluations: int, answered: int) -> float:
    """The share of a trial that trains `trained` times the tokens of the validation set."""
    answers = answered * base.cost.generation_seconds
    evaluation = base.cost.seconds - base.cost.generation_seconds
    whole = answers + (evaluations + _TRAINING * trained) * evaluation
    return answers / whole if whole > 0 else 0.0


def tokens_of(found: Sequence[Extent], budget: TrialBudget, mean: float) -> float:
    """The training tokens of a trial in the middle; `mean` is that of an example."""
    middle = found[len(found) // 2].trained
    return middle if budget.tokens is not None else middle * mean

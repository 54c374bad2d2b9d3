"""The share of each trial's time that answers will take, known once the base is measured."""

from __future__ import annotations

from sweeps.caps.trained_tokens import tokens_of
from sweeps.inputs.budgets import extents
from sweeps.inputs.evaluation_share import TRAINING, before_end
from sweeps.spec.spec import SweepSpec
from trainables.config.evaluation import share_note
from trainables.core.evaluation import Evaluation
from trainables.data.tokens.examples import Examples
from trainables.training.inputs import Inputs


def time_note(spec: SweepSpec, inputs: Inputs, base: Evaluation) -> str:
    """A note if answers will take more than `evaluation.time_share` of each trial's time, judged by
    the base's evaluation in a slot; else empty, as for trials that only answer."""
    settings = spec.trial.evaluation
    if not spec.trial.tunes.trains or not settings.metrics:
        return ""
    found = extents(spec, inputs)
    tokens = tokens_of(spec, inputs)(found[len(found) // 2].params)
    share = share_of_answers(
        base,
        tokens / float(Examples(inputs.validation).lengths.sum()),
        evaluations=1 + (found[0].points - 1) * before_end(spec, inputs),
        answered=settings.times(spec.trial.budget.evaluations),
    )
    return share_note(share, settings.time_share) if share > settings.time_share else ""


def share_of_answers(base: Evaluation, trained: float, evaluations: float, answered: int) -> float:
    """The share of a trial that trains `trained` times the tokens of the validation set."""
    answers = answered * base.cost.generation_seconds
    evaluation = base.cost.seconds - base.cost.generation_seconds
    whole = answers + (evaluations + TRAINING * trained) * evaluation
    return answers / whole if whole > 0 else 0.0

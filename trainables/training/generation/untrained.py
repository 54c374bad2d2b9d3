"""Trials that train nothing: the base is measured once, as they prompt it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.evaluation import Cost, Ending, Evaluation, Monitor, Outcome
from trainables.models.tuned import parameter_counts
from trainables.training.generation.files import write_answers
from trainables.training.run import peak_memory, write_losses

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


def measure_untrained(workshop: Workshop, config: TrialConfig, monitor: Monitor) -> Outcome:
    """Measure the base as the trial uses it, at the trial's last evaluation point, with 0 steps.

    There are no weights to write. Losses are written only if the prompts are those of all trials.
    """
    began = time.monotonic()
    with workshop.untouched(config) as model:
        scores = workshop.scores(config, workshop.loss(config, model), model)
        _, total = parameter_counts(model)
    cost = Cost(
        seconds=time.monotonic() - began,
        peak_memory_bytes=peak_memory(workshop.device),
        total_parameters=total,
    ).with_answers(scores.answers_cost)
    if ranks.rank() == 0:
        point = config.budget.evaluations
        evaluation = Evaluation(point, 0, scores.metrics, cost, subset=scores.subset)
        verdict = monitor.evaluated(evaluation)
        if verdict.losses is not None and len(scores.losses):
            write_losses(scores, verdict.losses)
            monitor.written(verdict.losses)
        if verdict.answers is not None and scores.written is not None:
            write_answers(scores.written, verdict.answers)
            monitor.written(verdict.answers)
    return Outcome(Ending.COMPLETE, cost)

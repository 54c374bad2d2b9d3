"""Answers that trials generate because the search is by a metric of them."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.problem import Problem
from sweeps.spec.settings import SearchSettings
from trainables.config.trial import TrialConfig
from trainables.metrics.registry import GENERATED


def with_generation(trial: TrialConfig | None, search: SearchSettings | None) -> TrialConfig | None:
    """The trial with the search's metrics of generated answers among those that it measures.

    With early stopping by one of them, answers are generated at every evaluation, unless said.
    """
    if trial is None or search is None or not trial.learns.trains:
        return trial
    asked = [name for name in search.given_modes if _is_generated(trial, name)]
    metrics = tuple(dict.fromkeys((*asked, *trial.evaluation.metrics)))
    if not metrics:
        return trial
    compared = search.early_stopping_kind.stops and _is_generated(trial, search.metric)
    at = trial.evaluation.generate_at or ("every" if compared else "end")
    settings = trial.evaluation.model_copy(update={"metrics": metrics, "generate_at": at})
    return trial.model_copy(update={"evaluation": settings})  # a trial with problems has it, too


def check_generation(trial: TrialConfig, search: SearchSettings) -> Iterator[Problem]:
    """Early stopping that would compare answers which are not generated yet."""
    at = trial.evaluation.generate_at
    compared = search.early_stopping_kind.stops and _is_generated(trial, search.metric)
    if compared and at != "every" and trial.budget.evaluations > 1:
        when = "at the end" if at == "end" else "at some evaluations"
        yield Problem(
            "evaluation.generate_at",
            f"{search.early_stopping} compares {search.metric} at every evaluation, and answers "
            f"are generated only {when}",
            "use every, or search.early_stopping: none",
        )


def _is_generated(trial: TrialConfig, metric: str) -> bool:
    return metric in GENERATED and trial.objective in GENERATED[metric].objectives

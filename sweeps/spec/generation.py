"""Answers that trials generate because the search is by a metric of them."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.problem import Problem
from search_spaces.space import Space
from sweeps.spec.reach import reachable
from sweeps.spec.settings import SearchSettings
from trainables.config.own_metrics import own_modes
from trainables.config.trial import TrialConfig
from trainables.methods.method import Method
from trainables.methods.registry import METHODS
from trainables.metrics.effort import COSTS
from trainables.metrics.registry import GENERATED


def judged_by_objective(
    search: SearchSettings | None, trial: TrialConfig | None
) -> SearchSettings | None:
    """The search with its objective's own metric, if it names none."""
    if search is None or trial is None or {"metric", "metrics"} & search.model_fields_set:
        return search
    return search.model_copy(update={"metric": trial.learns.judged_by})


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


def with_costs(trial: TrialConfig | None, space: Space | None) -> TrialConfig | None:
    """The trial with what its answers cost among its metrics, if a method trains nothing.

    Answering with examples or passages is cheap to set up and dear to use.
    """
    if trial is None or space is None or not trial.evaluation.metrics:
        return trial
    if all(method.trains for method in methods_of(trial, space)):
        return trial
    metrics = tuple(dict.fromkeys((*trial.evaluation.metrics, *COSTS)))
    settings = trial.evaluation.model_copy(update={"metrics": metrics})
    return trial.model_copy(update={"evaluation": settings})


def check_lookups(trial: TrialConfig, space: Space, search: SearchSettings) -> Iterator[Problem]:
    """Metrics that are not measured of a method which changes the prompts."""
    names = [method.name for method in methods_of(trial, space) if method.lookup(trial)]
    others = [name for name in search.given_modes if not _is_generated(trial, name)]
    if names and others and trial.evaluation.metrics:
        yield Problem(
            "search.metrics" if search.metrics else "search.metric",
            f"{others[0]} is not measured of method {' and '.join(names)}, which is judged by its "
            "answers alone",
            "use a metric of answers, such as eval_exact_match",
        )


def methods_of(trial: TrialConfig, space: Space) -> list[Method]:
    """The methods of a sweep's trials."""
    points = reachable(space, ["method"])
    names = dict.fromkeys(str(point.get("method", trial.method)) for point in points)
    return [METHODS[name] for name in names if name in METHODS]


def _is_generated(trial: TrialConfig, metric: str) -> bool:
    own = metric in own_modes(trial.metrics) or metric in trial.learns.of_answers
    return own or (metric in GENERATED and trial.objective in GENERATED[metric].objectives)


def with_modes(trial: TrialConfig | None, search: SearchSettings | None) -> SearchSettings | None:
    """The search with the directions of own metrics, unless it gives them."""
    if trial is None or search is None:
        return search
    own = own_modes(trial.metrics)
    modes = {name: mode or own.get(name) for name, mode in search.given_modes.items()}
    if search.metrics is None:
        return search.model_copy(update={"mode": modes.get(search.metric)})
    return search.model_copy(update={"metrics": modes, "mode": modes.get(search.metric)})

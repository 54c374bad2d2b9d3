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
from trainables.metrics.formula import FormulaError, is_formula, parsed, parts_of
from trainables.metrics.matching import EXACT_MATCH
from trainables.metrics.metric import Mode
from trainables.metrics.registry import GENERATED, UnknownModeError, declared_mode
from trainables.objectives.policy import RlConfig


def judged_by_objective(
    search: SearchSettings | None, trial: TrialConfig | None
) -> SearchSettings | None:
    """The search with its objective's own metric, if it names none."""
    if search is None or trial is None or {"metric", "metrics"} & search.model_fields_set:
        return search
    return search.model_copy(update={"metric": trial.learns.judged_by})


def with_generation(trial: TrialConfig | None, search: SearchSettings | None) -> TrialConfig | None:
    """The trial with the search's formulas and metrics of generated answers among those that it
    measures.

    With early stopping by one of them, answers are generated at every evaluation, unless said.
    """
    if trial is None or search is None:
        return trial
    parts = [part for name in search.given_modes for part in parts_of(name)]
    own = trial.learns.of_answers  # measured of any answers
    asked = [part for part in parts if _is_generated(trial, part) and part not in own]
    metrics = tuple(dict.fromkeys((*asked, *trial.evaluation.metrics)))
    searched = filter(is_formula, search.given_modes)
    formulas = tuple(dict.fromkeys((*searched, *trial.evaluation.formulas)))
    if not metrics and not formulas:
        return trial
    settings = trial.evaluation.model_copy(update={"formulas": formulas})
    if metrics:
        at = settings.generate_at or ("every" if _compares_answers(trial, search) else "end")
        settings = settings.model_copy(update={"metrics": metrics, "generate_at": at})
    return trial.model_copy(update={"evaluation": settings})  # a trial with problems has it, too


def check_generation(trial: TrialConfig, search: SearchSettings) -> Iterator[Problem]:
    """Early stopping that would compare answers which are not generated yet."""
    at = trial.evaluation.generate_at
    if at in (None, "every") or trial.budget.evaluations == 1:
        return
    if _compares_answers(trial, search):
        when = "at the end" if at == "end" else "at some evaluations"
        yield Problem(
            "evaluation.generate_at",
            f"{search.early_stopping} compares {search.metric} at every evaluation, and answers "
            f"are generated only {when}",
            "use every, or search.early_stopping: none",
        )


def check_held_out(trial: TrialConfig, search: SearchSettings) -> Iterator[Problem]:
    """A search by what is to judge the reward."""
    held_out = trial.settings(RlConfig).held_out_metric if trial.learns.rolls_out else None
    for name in search.given_modes:
        if held_out in parts_of(name):
            yield Problem(
                f"search.metrics.{name}" if search.metrics else "search.metric",
                f"{held_out} is held out by rl.held_out: a judge by which trials are chosen is "
                "fooled with them",
                "search by eval_reward, or hold out another metric",
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


def judged_by_answers(trial: TrialConfig) -> TrialConfig:
    """The trial as if a metric of answers were searched: it may be what is misspelt."""
    if trial.evaluation.metrics or not trial.learns.asks_prompts:
        return trial
    settings = trial.evaluation.model_copy(update={"metrics": (EXACT_MATCH.name,)})
    return trial.model_copy(update={"evaluation": settings})


def check_lookups(trial: TrialConfig, space: Space, search: SearchSettings) -> Iterator[Problem]:
    """Metrics that are not measured of a method which changes the prompts."""
    names = [method.name for method in methods_of(trial, space) if method.lookup(trial)]
    parts = [part for name in search.given_modes for part in parts_of(name)]
    others = [part for part in parts if not _is_generated(trial, part)]
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


def _compares_answers(trial: TrialConfig, search: SearchSettings) -> bool:
    """Whether early stopping compares a metric of answers, or a formula with one."""
    parts = parts_of(search.metric)
    return search.early_stopping_kind.stops and any(_is_generated(trial, part) for part in parts)


def _is_generated(trial: TrialConfig, metric: str) -> bool:
    own = metric in own_modes(trial.metrics) or metric in trial.learns.of_answers
    return own or (metric in GENERATED and trial.objective in GENERATED[metric].objectives)


def with_modes(trial: TrialConfig | None, search: SearchSettings | None) -> SearchSettings | None:
    """The search with the directions of formulas and of own metrics, unless it gives them."""
    if trial is None or search is None:
        return search
    modes = {name: mode or usual_mode(trial, name) for name, mode in search.given_modes.items()}
    if search.metrics is None:
        return search.model_copy(update={"mode": modes.get(search.metric)})
    return search.model_copy(update={"metrics": modes, "mode": modes.get(search.metric)})


def usual_mode(trial: TrialConfig, metric: str) -> Mode | None:
    """The direction of a metric, or of a formula by its signs; None if nothing says it."""
    try:
        return direction_of(trial, metric)
    except (FormulaError, UnknownModeError):
        return None


def direction_of(trial: TrialConfig, metric: str) -> Mode:
    """Same as `usual_mode`; FormulaError or UnknownModeError if nothing says it."""
    own = own_modes(trial.metrics)
    if is_formula(metric):
        return parsed(metric).direction(lambda name: own.get(name) or declared_mode(name))
    return own.get(metric) or declared_mode(metric)

"""Metrics to search by that are not measured, and formulas without a value or a direction. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from search_spaces.dotted import leaves
from search_spaces.problem import Problem
from sweeps.spec.generation import direction_of
from sweeps.spec.settings import SearchSettings
from trainables.config.known_metrics import listed, meant
from trainables.config.own_metrics import own_modes
from trainables.config.trial import TrialConfig
from trainables.metrics.classes import CLASS_METRIC
from trainables.metrics.formula import FormulaError, formula_in, is_formula, parts_of
from trainables.metrics.registry import METRICS, metrics_of


def check_metrics(
    trial: TrialConfig, search: SearchSettings, tree: Mapping[str, object]
) -> Iterator[Problem]:
    """Metrics that are not measured, and formulas without a value or a direction."""
    unread = _unread_own(trial, tree)
    for name, mode in search.given_modes.items():
        if any(part.startswith(unread) for part in parts_of(name)):
            continue
        where = f"search.metrics.{name}" if search.metrics else "search.metric"
        wrong = [*_unmeasured(trial, name, where), *_constant(name, where)]
        yield from wrong
        if not wrong and mode is None and is_formula(name):
            yield from _without_direction(trial, name, where, several=bool(search.metrics))
    for name in trial.evaluation.formulas:
        if name not in search.given_modes:
            yield from _unmeasured(trial, name, "evaluation.formulas")
            yield from _constant(name, "evaluation.formulas")


def _unread_own(trial: TrialConfig, tree: Mapping[str, object]) -> tuple[str, ...]:
    """The beginnings of the names of own metrics with mistakes, which other problems report."""
    given = [name.split(".")[1] for name in leaves(tree) if name.startswith("metrics.")]
    return tuple(f"eval_{name}" for name in given if name not in trial.metrics)


def _constant(metric: str, where: str) -> Iterator[Problem]:
    formula = formula_in(metric)
    if formula and formula.is_constant:
        message = f"{formula.text} is the same for all trials, whatever its metrics are"
        yield Problem(where, message, "write a formula that varies with a metric")


def _unmeasured(trial: TrialConfig, metric: str, where: str) -> Iterator[Problem]:
    for name in parts_of(metric):
        of_a_class = trial.objective == "classification" and name.startswith(CLASS_METRIC)
        if name in trial.measures or of_a_class:
            continue
        if name in metrics_of(trial.objective):
            needs = METRICS[name].needs
            message = f"{name} is measured only with {needs}"
            yield Problem(where, message, f"set {needs} to a file")
        else:
            message = f"objective {trial.objective} does not measure {name!r}"
            yield Problem(where, message, _which(name, trial))


def _without_direction(
    trial: TrialConfig, formula: str, where: str, several: bool
) -> Iterator[Problem]:
    try:
        direction_of(trial, formula)
    except FormulaError as error:
        remedy = "write min or max after it" if several else "set search.mode to min or max"
        yield Problem(where, error.message, f"change it, or {remedy}")


def _which(name: str, trial: TrialConfig) -> str:
    """The metric that was probably meant, and all that can be measured, with directions."""
    own = own_modes(trial.metrics)
    near = None if name in METRICS else meant(name, [*metrics_of(trial.objective), *own])
    question = f"did you mean {near}? " if near else ""
    return f"{question}{trial.objective} measures\n{listed(trial.objective, own, trial.target)}"

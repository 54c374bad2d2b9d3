"""Differences in formulas of metrics that are no weighted sum of means over answers."""

from __future__ import annotations

from pathlib import Path

from results.ranking.certainty import Difference, LossesError
from results.ranking.paired_values import PromptValues, load_prompt_values, same_prompts
from results.ranking.resampled import Statistic, resampled_difference
from trainables.metrics.formula import Formula
from trainables.metrics.metric import Measured, Metric
from trainables.metrics.registry import METRICS


def as_metric(formula: Formula) -> Metric | None:
    """The formula as a metric of the validation examples; None if a part is none of them."""
    parts = {name: METRICS[name].value for name in formula.names if name in METRICS}
    known = {name: value for name, value in parts.items() if value is not None}
    if len(known) < len(formula.names):
        return None

    def value(measured: Measured) -> float:
        return formula.value({name: of(measured) for name, of in known.items()})

    return Metric(formula.text, "min", "", (), value)


def difference_of_formula(formula: Formula, mine: Path, theirs: Path) -> Difference | None:
    """The difference in a formula of means over answers; None without values of all of them."""
    try:
        first, second = (_values(formula, file) for file in (mine, theirs))
        if first is None or second is None:
            return None
        places = [each.prompts for each in (*first.values(), *second.values())]
        same_prompts(*places)
        return resampled_difference(
            _statistic(formula, first), _statistic(formula, second), len(places[0])
        )
    except LossesError:
        return None


def _values(formula: Formula, file: Path) -> dict[str, PromptValues] | None:
    if not file.exists():
        return None
    found = {name: load_prompt_values(file, name) for name in formula.names}
    known = {name: values for name, values in found.items() if values is not None}
    return known if len(known) == len(found) else None


def _statistic(formula: Formula, parts: dict[str, PromptValues]) -> Statistic:
    return lambda places: formula.value(
        {name: float(part.values[places].mean()) for name, part in parts.items()}
    )

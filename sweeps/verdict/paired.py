"""Differences between trials, paired over the validation examples, from the losses on disk."""

from __future__ import annotations

from pathlib import Path

from results.ranking.certainty import (
    Difference,
    LossesError,
    load_sequence_losses,
    paired_difference,
)
from results.ranking.paired_values import difference_of_values, load_prompt_values, same_prompts
from results.ranking.resampled import resampled_difference
from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder
from sweeps.verdict.formulas import as_metric, difference_of_formula
from sweeps.verdict.measured import measured_difference
from trainables.board.job import ANSWERS, LOSSES
from trainables.metrics.formula import Formula, formula_in
from trainables.metrics.registry import GENERATED, METRICS
from trainables.metrics.written import ROWS, Whole
from trainables.training.generation.files import VALUES


def paired(
    sweep: SweepRecord, folder: SweepFolder, first: int, other: int | None
) -> Difference | None:
    """The difference in the search metric; None if it has no values by example on disk."""
    return between(sweep.metric, place_of(folder, first), place_of(folder, other))


def place_of(folder: SweepFolder, number: int | None) -> Path:
    """The folder with the measurements of a trial, or of the base model (None)."""
    return folder.base if number is None else folder.store.trial_folder(number)


def between(metric: str, mine: Path, theirs: Path) -> Difference | None:
    """The difference of two measured models in a metric, as far as there are values on disk."""
    if metric == "eval_loss":
        return _in_losses(mine / LOSSES, theirs / LOSSES)
    formula = formula_in(metric)
    if formula is not None and (found := _in_parts(formula, mine, theirs)):
        return found
    known = METRICS.get(metric)
    if known is not None and metric not in GENERATED:
        found = measured_difference(known, mine / LOSSES, theirs / LOSSES)
        if found is not None:
            return found
    written = GENERATED.get(metric)
    if written is not None and written.whole is not None:
        return _in_whole(written.whole, f"{ROWS}{metric}", mine / ANSWERS, theirs / ANSWERS)
    return _in_answers(metric, mine / ANSWERS / VALUES, theirs / ANSWERS / VALUES)


def _in_losses(mine: Path, theirs: Path) -> Difference | None:
    if not mine.exists() or not theirs.exists():
        return None
    try:
        return paired_difference(load_sequence_losses(mine), load_sequence_losses(theirs))
    except LossesError:
        return None


def _in_parts(formula: Formula, mine: Path, theirs: Path) -> Difference | None:
    """The difference in a formula whose metrics are all of one kind and no means, by a bootstrap.

    A weighted sum of means over the answers has values of its own on disk.
    """
    whole = as_metric(formula)
    if whole is not None:
        return measured_difference(whole, mine / LOSSES, theirs / LOSSES)
    if formula.weights is not None:
        return None
    return difference_of_formula(formula, mine / ANSWERS / VALUES, theirs / ANSWERS / VALUES)


def _in_whole(whole: Whole, name: str, mine: Path, theirs: Path) -> Difference | None:
    """The difference in a metric of all answers together, by a bootstrap over the prompts."""
    try:
        first, second = (load_prompt_values(folder / VALUES, name) for folder in (mine, theirs))
        if first is None or second is None:
            return None
        same_prompts(first.prompts, second.prompts)
        return resampled_difference(
            lambda places: whole.value(first.values[places]),
            lambda places: whole.value(second.values[places]),
            len(first.prompts),
        )
    except LossesError:
        return None


def _in_answers(metric: str, mine: Path, theirs: Path) -> Difference | None:
    """The difference in a metric's mean, paired over the prompts; None without values of both."""
    if not mine.exists() or not theirs.exists():
        return None
    try:
        first, second = (load_prompt_values(file, metric) for file in (mine, theirs))
        return difference_of_values(first, second) if first and second else None
    except LossesError:
        return None

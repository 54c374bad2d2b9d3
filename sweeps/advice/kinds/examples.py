"""More examples are measured before a trial's end than comparing trials takes, or too few."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from results.ranking.certainty import LossesError, load_sequence_losses
from sweeps.advice.advice import Advice, Adviser
from sweeps.verdict.by_example import values_by_example
from sweeps.verdict.results import Results
from trainables.board.job import LOSSES

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_SHARE = 0.2
"""The standard error of a difference between two trials, as a share of the trials' spread, at which
19 of 20 decisions of early stopping are those of the whole set (docs/benchmarks.md)."""

_TOO_MUCH = 0.5
"""The same at which there are too few examples."""

_LEAST = 50
"""Examples below which an estimate from few trials is not trusted."""

_FEWEST = 5
"""Complete trials from which it is told."""

_TRAINING = 3.0
"""Time of a training token in that of an evaluated one."""


class Examples(Adviser):
    """Early stopping, and evaluations that take much of the time or tell little."""

    name: ClassVar[str] = "examples"

    def look(self, results: Results) -> Iterator[Advice]:
        """At most one."""
        spec = results.spec
        if spec is None or results.ranking.several or spec.trial.budget.evaluations == 1:
            return
        values, spread = _values(results), _spread(results)
        if not spec.search.early_stopping_kind.stops or len(values) < _FEWEST or not spread:
            return
        count, error = len(values[0]), paired_error(values)
        wanted = max(_LEAST, math.ceil((error / (_SHARE * spread)) ** 2))
        given = spec.trial.evaluation.examples
        if not isinstance(given, int):
            if 2 * wanted <= count and _takes_much(results):
                yield _fewer(wanted, count)
        elif given < count and error / math.sqrt(given) > _TOO_MUCH * spread:
            yield _more(given, wanted, count, error / math.sqrt(given) / spread)


def _fewer(wanted: int, count: int) -> Advice:
    return Advice(
        "Early stopping needs fewer examples than it had",
        f"Evaluation took much of the trials' time, at each point on all {count:,} examples. With "
        f"{wanted:,} of them the standard error of a difference between two trials is at most "
        f"{_SHARE:.0%} of the spread of all trials at the first point.",
        {"evaluation.examples": wanted},
    )


def _more(given: int, wanted: int, count: int, share: float) -> Advice:
    return Advice(
        "Early stopping had few examples",
        f"With {given:,} examples the standard error of a difference between two trials is "
        f"{share:.0%} of the spread of all trials at the first point.",
        {"evaluation.examples": wanted if wanted < count else "all"},
    )


def _values(results: Results) -> list[Floats]:
    """The values by example of complete trials that have some on disk."""
    places = (results.folder.store.trial_folder(each.number) for each in results.complete())
    found = (values_by_example(results.metric, place) for place in places)
    return [values for values in found if values is not None]


def _spread(results: Results) -> float:
    """The standard deviation of the trials at the first point at which some were measured."""
    firsts = [record.measurements[0] for record in results.trials if record.measurements]
    first = min((each.point for each in firsts), default=0)
    found = [m.compared.get(results.metric, math.nan) for m in firsts if m.point == first]
    finite = [value for value in found if math.isfinite(value)]
    return float(np.std(finite, ddof=1)) if len(finite) >= _FEWEST else 0.0


def _takes_much(results: Results) -> bool:
    """Whether evaluation was more than the wanted share of the winner's time, by its targets."""
    winner, spec = results.winner, results.spec
    if winner is None or spec is None:
        return False
    try:
        losses = load_sequence_losses(results.folder.store.trial_folder(winner.number) / LOSSES)
    except LossesError:
        return False
    read = float(losses.token_counts.sum()) * len(winner.measurements)
    return read > spec.trial.evaluation.time_share * (read + _TRAINING * winner.whole_tokens)


def paired_error(values: Sequence[Floats]) -> float:
    """The standard deviation over examples of a difference between two trials: the root of the mean
    square over all pairs."""
    variances = [float(np.var(a - b, ddof=1)) for a, b in combinations(values, 2)]
    return math.sqrt(sum(variances) / len(variances))


KIND = Examples()

"""The importance of each searched parameter, by two of Optuna's evaluators."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from results.records.record import TrialRecord
from search_spaces.problem import SpaceError
from search_spaces.space import Space
from sweeps.base.quiet import optuna_quiet
from sweeps.verdict.results import Results

if TYPE_CHECKING:
    import optuna

FEWEST = 10
"""Number of trials below which an importance is not shown: it would be noise."""

MOST = 1000
"""Number of trials, evenly spread over all, of which an importance is computed: Optuna's evaluators
take minutes for thousands, and say the same."""

_TOP_SHARE, _TOP_TRIALS = 0.1, 5
"""The best trials of PED-ANOVA: this share, and at least this number, as Optuna advises."""


@dataclass(frozen=True)
class Importance:
    """Shares of each parameter, by both evaluators; `reason` says why there are none.

    fANOVA knows only parameters that all of its trials have. It is computed for the others over the
    trials that have them, so its shares need not add up to one. A parameter that fewer than FEWEST
    trials have is in neither. `trials` is the number it is computed of, and `known` that of all.
    """

    trials: int
    known: int = 0
    fanova: Mapping[str, float] = field(default_factory=dict)
    ped_anova: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def counted(self) -> str:
        """`240 trials`, or `1000 of 5200 trials, evenly spread`."""
        if self.known <= self.trials:
            return f"{self.trials} trials"
        return f"{self.trials} of {self.known} trials, evenly spread"

    @property
    def top(self) -> int:
        """Number of best trials whose parameters PED-ANOVA compares with those of all."""
        return max(_TOP_TRIALS, math.ceil(_TOP_SHARE * self.trials))

    def ordered(self, names: Sequence[str]) -> list[str]:
        """`names`, the most important one first; those without a share last."""
        shares = {
            name: self.fanova.get(name, 0.0) + self.ped_anova.get(name, 0.0) for name in names
        }
        return sorted(names, key=lambda name: -shares[name])


def importance(results: Results, records: Sequence[TrialRecord]) -> Importance:
    """Over these trials, each at the value that counts or its last one."""
    known = [record for record in records if results.value(record) is not None]
    valued = _spread(known)
    reason = _why_not(results, valued)
    if reason or results.spec is None:
        return Importance(len(valued), len(known), reason=reason)
    space = results.spec.space
    names = [name for name in space if _varies(name, valued)]
    with optuna_quiet():
        fanova = _fanova(results, valued, space, names)
        ped_anova = _ped_anova(results, valued, space, names)
    return Importance(len(valued), len(known), fanova, ped_anova)


def _spread(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """At most MOST of them, at even distances."""
    count = min(len(records), MOST)
    return [records[place * len(records) // count] for place in range(count)]


def _why_not(results: Results, valued: Sequence[TrialRecord]) -> str:
    if len(valued) < FEWEST:
        return f"Too few trials to say: {len(valued)}, and it takes at least {FEWEST}."
    if results.spec is None:
        return "The sweep file names files that are no longer there, so its space is unknown."
    if len({results.value(record) for record in valued}) < 2:
        return "All trials have the same value."
    if not any(_varies(name, valued) for name in results.spec.space):
        return "All trials have the same parameters."
    return ""


def _varies(name: str, records: Sequence[TrialRecord]) -> bool:
    return len({repr(record.params[name]) for record in records if name in record.params}) > 1


def _study(results: Results, records: Sequence[TrialRecord], space: Space) -> optuna.Study:
    """The trials as complete ones of a study in memory, to be minimised."""
    import optuna

    from search_spaces import bridge

    study = optuna.create_study(direction="minimize")
    for record in records:
        value = results.value(record)
        assert value is not None, "only trials with a value are given"
        try:
            fixed = optuna.trial.FixedTrial(bridge.encode(record.params, space))
            bridge.suggest(fixed, space)
        except (SpaceError, ValueError):
            continue  # the space was changed since
        study.add_trial(
            optuna.trial.create_trial(
                params=fixed.params,
                distributions=fixed.distributions,
                value=value if results.mode == "min" else -value,
            )
        )
    return study


def _ped_anova(
    results: Results, records: Sequence[TrialRecord], space: Space, names: Sequence[str]
) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator

    quantile = Importance(len(records)).top / len(records)
    evaluator = PedAnovaImportanceEvaluator(target_quantile=quantile)
    found = _by_name(_shares(_study(results, records, space), evaluator), names)
    having = {name: sum(name in record.params for record in records) for name in names}
    return {name: share for name, share in found.items() if having[name] >= FEWEST}


def _fanova(
    results: Results, records: Sequence[TrialRecord], space: Space, names: Sequence[str]
) -> dict[str, float]:
    """Shared parameters over all trials, each other one over the trials that have it."""
    from optuna.importance import FanovaImportanceEvaluator

    shares: dict[str, float] = {}
    partly = [name for name in names if any(name not in record.params for record in records)]
    for own in [None, *partly]:
        holders = [record for record in records if own is None or own in record.params]
        if len(holders) < FEWEST or len({results.value(record) for record in holders}) < 2:
            continue
        study = _study(results, holders, space)
        found = _by_name(_shares(study, FanovaImportanceEvaluator(seed=0)), names)
        shares |= found if own is None else {own: found[own]} if own in found else {}
    return shares


def _shares(
    study: optuna.Study, evaluator: optuna.importance.BaseImportanceEvaluator
) -> dict[str, float]:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (RuntimeError, ValueError):
            return {}  # too few different values for this evaluator


def _by_name(shares: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Optuna's parameters by our names: of a name with several ranges, the sum."""
    found: dict[str, float] = {}
    for parameter, share in shares.items():
        name = parameter.partition(" [")[0]
        if name in names:
            found[name] = found.get(name, 0.0) + share
    return found

"""The ways to search, by name: ours with several settings, and the rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scipy.stats import qmc

from benchmarks.replay.clock import Way
from benchmarks.replay.optuna_ways import tpe_hyperband, tpe_median
from benchmarks.replay.ours import Ours
from benchmarks.replay.syne_tune_ways import syne_tune
from benchmarks.replay.table import METRIC, Table
from search_spaces.domains import Choice
from search_spaces.values import Value
from sweeps.spec.settings import SearchSettings

ONE_RUNG = "one-rung"
"""Needs no clock; see one_rung.py."""

_SOBOL = 16
"""First points from a Sobol sequence, of the way that has them."""


def ours(sobol: int = 0, **search: Any) -> Callable[[Table, int], Way]:
    """The product with these fields of `search`, and the first points from a Sobol sequence."""

    def way(table: Table, seed: int) -> Way:
        settings = SearchSettings(metric=METRIC, mode="min", seed=seed, **search)
        return Ours(table, settings, _sequence(table, sobol, seed))

    return way


def _sequence(table: Table, count: int, seed: int) -> list[Mapping[str, Value]]:
    if not count:
        return []
    sequence = qmc.Sobol(len(table.space), rng=seed).random(count)
    return [
        {name: _at(table, name, x) for name, x in zip(table.space, point, strict=True)}
        for point in sequence.tolist()
    ]


def _at(table: Table, name: str, share: float) -> Value:
    domain = table.space[name].branches[0].domain
    if isinstance(domain, Choice):
        return domain.options[int(share * len(domain.options))]
    low, high = float(domain.low), float(domain.high)
    value = low * (high / low) ** share if domain.log else low + share * (high - low)
    return domain.canonical(value if isinstance(domain.low, float) else round(value))


_ENDED: Any = {"sampler_options": {"unfinished": False}}
_MEASURED: Any = {"sampler_options": {"unfinished": True}}


def _rule(first: int, **options: Any) -> Any:
    return {"early_stopping_options": {"grace_period": first, **options}}


def _once(first: int, **options: Any) -> Any:
    return _rule(first, recheck=False, **options)


_PATIENT, _PROMPT, _RECHECKED = _once(3), _once(1), _rule(1)

WAYS: Mapping[str, Callable[[Table, int], Way]] = {
    "random": ours(sampler="random", early_stopping="none"),
    "random+asha": ours(sampler="random", **_PATIENT),
    "random+asha3by2": ours(sampler="random", **_once(3, reduction_factor=2)),
    "random+asha2": ours(sampler="random", **_once(2)),
    "random+asha2by2": ours(sampler="random", **_once(2, reduction_factor=2)),
    "random+asha1": ours(sampler="random", **_PROMPT),
    "random+asha1by2": ours(sampler="random", **_once(1, reduction_factor=2)),
    "random+asha1by4": ours(sampler="random", **_once(1, reduction_factor=4)),
    "random+asha1+recheck": ours(sampler="random", **_RECHECKED),
    "random+median": ours(sampler="random", early_stopping="median", **_rule(3)),
    "random+median1": ours(sampler="random", early_stopping="median", **_rule(1)),
    "ended": ours(early_stopping="none", **_ENDED),
    "ended+asha": ours(**_ENDED, **_PATIENT),
    "ended+asha1": ours(**_ENDED, **_PROMPT),
    "ended-liar+asha": ours(
        sampler_options={"unfinished": False, "constant_liar": False}, **_PATIENT
    ),
    "measured": ours(early_stopping="none", **_MEASURED),
    "measured+asha": ours(**_MEASURED, **_PATIENT),
    "measured+asha2": ours(**_MEASURED, **_once(2)),
    "measured+asha1": ours(**_MEASURED, **_PROMPT),
    "measured+asha1+recheck": ours(**_MEASURED, **_RECHECKED),
    "measured-liar+asha1": ours(
        sampler_options={"unfinished": True, "constant_liar": False}, **_PROMPT
    ),
    "measured+sobol+asha1": ours(sobol=_SOBOL, **_MEASURED, **_PROMPT),
    "measured+start5+asha1": ours(
        sampler_options={"unfinished": True, "n_startup_trials": 5}, **_PROMPT
    ),
    "optuna-hyperband": tpe_hyperband,
    "optuna-median": tpe_median,
    "syne-asha": syne_tune("ASHA"),
    "syne-bohb": syne_tune("BOHB"),
    "syne-asha-cqr": syne_tune("ASHACQR"),
}
"""`ended`: TPE is told of trials that have ended, as before; `measured`: of all that were measured.
`asha` stops from a third of the budget on, `asha1` from the first point on; `by2` keeps the best
half at each rung instead of the best third. `recheck` looks trials up again after their rungs, as
the product does by default; the other ways decide once."""

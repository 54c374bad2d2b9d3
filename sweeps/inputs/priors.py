"""What is known of a sweep's good values before its first trial: the user's, or by a formula."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from results.records.prior import FACTOR, Prior, in_words
from search_spaces.domains import Choice, Domain
from search_spaces.values import Value, as_float
from sweeps.search.priors import with_priors
from sweeps.spec.generation import methods_of
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.data.tokens.tokenizer import hidden_size
from trainables.methods.method import Method
from trainables.methods.usual_rate import HIGHEST_RANK
from trainables.training.inputs import Prepared

_RATE, _RANK = "learning_rate", "lora.rank"

_BEFORE = ("first_points", "warm_start")
"""Settings of the search whose points are tried before the priors."""

_KNOWN_LORA = (_RANK, "lora.dropout")
"""Settings of adapters that the formula's sweeps varied, or that are taken for indifferent."""


class Found(NamedTuple):
    """Priors, and where they come from, in words."""

    values: tuple[Prior, ...]
    origin: str = ""


def primed(spec: SweepSpec, prepared: Prepared | None) -> tuple[SweepSpec, str]:
    """The sweep with its priors, and these in words; nothing if it has none."""
    found = _priors_of(spec, prepared)
    return (with_priors(spec, found.values), _said(found, spec.search)) if found else (spec, "")


def _said(found: Found, search: SearchSettings) -> str:
    before = [f"search.{name}" for name in _BEFORE if getattr(search, name)]
    when = (
        f"after the points of {' and '.join(before)}, the search tries"
        if before
        else "the search begins at"
    )
    return f"Prior: {when} {in_words(found.values)} ({found.origin})."


def _priors_of(spec: SweepSpec, prepared: Prepared | None) -> Found | None:
    """The sweep's priors; None if it has none."""
    given = spec.search.prior
    if not isinstance(given, str):
        values = (Prior(name=name, value=value) for name, value in given.items())
        return Found(tuple(values), "search.prior")
    if given == "none" or prepared is None or not _speaks_for(spec):
        return None
    width = hidden_size(prepared.inputs.model)
    if width is None:
        return None
    found = [
        prior
        for method in methods_of(spec.trial, spec.space)
        for prior in _of_method(spec, method, width)
    ]
    origin = f"by the formula for a model of hidden size {width:,}"
    return Found(tuple(found), origin) if found else None


def _speaks_for(spec: SweepSpec) -> bool:
    """Whether the formula's sweeps were like this one, as far as its model does not matter. Earlier
    sweeps of one's own know better."""
    space, trial, search = spec.space, spec.trial, spec.search
    return (
        trial.learns.has_usual_rates
        and _RATE in space
        and not search.sampler_kind.finite
        and not search.warm_start
        and "adam" in trial.optimizer.name
        and "optimizer.name" not in space
        and not any(name.startswith("lora.") and name not in _KNOWN_LORA for name in space)
    )


def _of_method(spec: SweepSpec, method: Method, width: int) -> Iterator[Prior]:
    """The rate for the highest rank in the space, and that rank; nothing if the space has no rate
    like it."""
    point: dict[str, Value] = {"method": method.name} if "method" in spec.space else {}
    ranks = [as_float(each) for each in _listed(_domains(spec, _RANK, point))]
    rank = max((each for each in ranks if each and each <= HIGHEST_RANK), default=None)
    if rank is not None:
        point[_RANK] = int(rank)
    config = _config(spec, point)
    rate = method.usual_rate(config, width) if config else None
    if rate is None:
        return
    near = _nearest(rate, _domains(spec, _RATE, point))
    if near is not None:
        yield Prior(name=_RATE, value=near, method=method.name)
        if rank is not None:
            yield Prior(name=_RANK, value=rank, method=method.name)


def _config(spec: SweepSpec, point: dict[str, Value]) -> TrialConfig | None:
    try:
        return spec.trial.with_params(point)
    except ValidationError:
        return None


def _domains(spec: SweepSpec, name: str, point: dict[str, Value]) -> list[Domain]:
    """The domains that a name may have at this point."""
    if name not in spec.space:
        return []
    return [branch.domain for branch in spec.space.standings(point)[name].branches]


def _listed(domains: Sequence[Domain]) -> Iterator[Value]:
    for domain in domains:
        if domain.cardinality is not None:
            yield from domain.grid()


def _nearest(rate: float, domains: Sequence[Domain]) -> float | None:
    """The rate in two digits, or the nearest option that is not further than priors are wide."""
    rounded = float(f"{rate:.2g}")
    for domain in domains:
        if not isinstance(domain, Choice) and domain.contains(rounded):
            return rounded
    options = (as_float(each) for each in _listed(domains))
    away = {abs(math.log(each / rate)): each for each in options if each and each > 0}
    return away[min(away)] if away and min(away) <= math.log(FACTOR) else None

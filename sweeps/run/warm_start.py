"""What a new sweep takes over from earlier ones, in two steps: checks of their records before model
and data are prepared, and the choice of trials, which needs the fingerprints of these."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from results.ranking.front import judge
from results.ranking.winners import Ranking
from results.records.record import SweepRecord, SweepState, TrialRecord, TrialStatus
from results.records.record_error import RecordError
from results.records.warm_start import EarlierSweep, EarlierTrial, WarmStart
from search_spaces.space import Space
from search_spaces.values import Value, as_option
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.spec.spec import SweepSpec
from trainables.config.optimizer_config import READ_BY
from trainables.config.sections import CHOOSE, reads
from trainables.training.inputs import Prepared

FIRST_POINTS = 3
"""Number of best trials of an earlier sweep to try first, if the sampler is told of none of its
trials; else the best one is tried again, to compare with."""

_NO_MATTER = (
    *("seed", "model", "model_revision", "micro_batch_size", "gradient_checkpointing"),
    "evaluation.examples",
)
"""Fields in which equal trials may differ. The model is compared by its fingerprint; results are of
the whole set."""

_SECTIONS_NO_MATTER = ("data.", "deepspeed.")
"""The same for all fields below. Data are compared by their fingerprint."""

_NAMED = 3
"""Differing fields that are named."""


@dataclass(frozen=True)
class Earlier:
    """An earlier sweep's records."""

    sweep: SweepRecord
    trials: Sequence[TrialRecord]
    ranking: Ranking


def read_earlier(spec: SweepSpec, home: SweepHome) -> list[Earlier]:
    """The sweeps in search.warm_start; SweepError if one of them has nothing for this one."""
    return [_read(spec, home, name) for name in spec.search.warm_start]


def take_over(earlier: Sequence[Earlier], spec: SweepSpec, prepared: Prepared | None) -> WarmStart:
    """The trials to tell the sampler, and the points to try first."""
    return WarmStart(sweeps=tuple(_taken(each, spec, prepared) for each in earlier))


def _read(spec: SweepSpec, home: SweepHome, name: str) -> Earlier:
    place = "search.warm_start"
    try:
        folder = home.existing(name)
        sweep, trials = folder.sweep_record(), folder.trials()
    except (SweepError, RecordError) as error:
        raise SweepError(f"{place}: {error}") from error
    if sweep.state is SweepState.RUNNING:
        raise SweepError(f"{place}: sweep {name!r} is running; wait for its end, or stop it")
    if sweep.goals != spec.search.goals:
        theirs, ours = (_named(goals) for goals in (sweep.goals, spec.search.goals))
        raise SweepError(
            f"{place}: sweep {name!r} searches by {theirs}, not by {ours}; leave it out"
        )
    found = Earlier(sweep, trials, judge(trials, sweep.goals))
    if not found.ranking.winners:
        raise SweepError(f"{place}: sweep {name!r} has no complete trial; leave it out")
    if not any(_partial(spec.space, winner.record) for winner in found.ranking.winners):
        raise SweepError(
            f"{place}: no complete trial of sweep {name!r} has a value that is in this space; "
            "leave it out"
        )
    return found


def _named(goals: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({mode})" for name, mode in goals.items())


def _taken(earlier: Earlier, spec: SweepSpec, prepared: Prepared | None) -> EarlierSweep:
    reasons: Counter[str] = Counter()
    told: list[EarlierTrial] = []
    other = _other_inputs(earlier.sweep, prepared)
    for record in earlier.trials:
        reason = other or _reason(spec, record)
        if reason:
            reasons[reason] += 1
        else:
            told.append(_told(spec, record))
    points = [_partial(spec.space, winner.record) for winner in earlier.ranking.winners]
    count = 1 if told else FIRST_POINTS
    return EarlierSweep(
        name=earlier.sweep.name,
        told=tuple(told),
        first_points=tuple(_distinct(points)[:count]),
        not_told=dict(reasons),
    )


def _other_inputs(sweep: SweepRecord, prepared: Prepared | None) -> str:
    """`other data` or `other model`; nothing if both are the same."""
    known = sweep.provenance
    then = (known.data_fingerprint, known.model_fingerprint) if known else ("", "")
    now = (prepared.data_fingerprint, prepared.model_fingerprint) if prepared else ("", "")
    names = [f"other {w}" for w, a, b in zip(("data", "model"), then, now, strict=True) if a != b]
    return " and ".join(names)


def _reason(spec: SweepSpec, record: TrialRecord) -> str:
    """Why the sampler is not told of a trial with the same data and model; nothing if it is."""
    if not spec.search.sampler_kind.learns_from_others:
        return f"{spec.search.sampler} learns from its own trials only"
    several = len(spec.search.goals) > 1
    if record.status is not TrialStatus.COMPLETE and (
        several or record.status is not TrialStatus.PRUNED
    ):
        return record.status.value
    if _values(spec, record) is None:
        return "without a value"
    point = _point(spec.space, record)
    if not spec.space.contains(point):
        return "outside the space"
    try:
        other = _different(spec.trial.with_params(point).flat(), record.config)
    except ValidationError:
        return "not possible together here"
    more = ", ..." if len(other) > _NAMED else ""
    return f"other {', '.join(other[:_NAMED])}{more}" if other else ""


def _different(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    """The fields in which two configurations differ, without those that do not matter."""
    chosen = {name: (str(here.get(name)),) for name in CHOOSE}  # records were once less sparing
    return [
        name
        for name in sorted({*here, *there})
        if as_option(here.get(name)) != as_option(there.get(name))
        and (name not in READ_BY or reads(name, chosen))
        and name not in _NO_MATTER
        and not name.startswith(_SECTIONS_NO_MATTER)
    ]


def _told(spec: SweepSpec, record: TrialRecord) -> EarlierTrial:
    complete = record.status is TrialStatus.COMPLETE
    reported = _reported(spec, record) if len(spec.search.goals) == 1 else {}
    return EarlierTrial(
        sweep=record.sweep,
        number=record.number,
        status=record.status,
        params=_point(spec.space, record),
        values=tuple(_values(spec, record) or ()) if complete else (),
        reported=reported,
    )


def _values(spec: SweepSpec, record: TrialRecord) -> list[float] | None:
    """The values that count, if all are finite; for a pruned trial only whether there is one."""
    if record.status is TrialStatus.PRUNED:
        return list(_reported(spec, record).values()) or None
    counted = record.counted(spec.search.goals)
    values = [counted.metrics.get(name, math.nan) for name in spec.search.goals] if counted else []
    return values if values and all(map(math.isfinite, values)) else None


def _reported(spec: SweepSpec, record: TrialRecord) -> dict[int, float]:
    values = {m.point: m.compared.get(spec.search.metric, math.nan) for m in record.measurements}
    return {point: value for point, value in values.items() if math.isfinite(value)}


def _point(space: Space, record: TrialRecord) -> dict[str, Value]:
    """Its values for the names of the space, in the spelling of the space where they are in it;
    those that were fixed in its sweep too."""
    point: dict[str, Value] = {}
    known = {**record.config, **record.params}
    for name in space.parents_first:
        standing = space.standings(point)[name]
        if standing.branches and name in known:
            value = as_option(known[name])
            in_it = [b.domain for b in standing.branches if b.domain.contains(value)]
            point[name] = in_it[0].canonical(value) if in_it else value  # type: ignore[assignment]
    return {name: point[name] for name in space if name in point}


def _partial(space: Space, record: TrialRecord) -> dict[str, Value]:
    """Its values that are in the space; a sampler fills in the rest."""
    point = _point(space, record)
    while problems := {each.place for each in space.explain(point, partial=True)}:
        point = {name: value for name, value in point.items() if name not in problems}
    return point


def _distinct(points: Sequence[dict[str, Value]]) -> list[dict[str, Value]]:
    return [point for place, point in enumerate(points) if point and point not in points[:place]]

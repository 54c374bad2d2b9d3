"""Batch sizes that the workers cannot share evenly, or that are too small for a ramp. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from search_spaces.domains import Choice, Domain, Int
from search_spaces.problem import Problem
from search_spaces.space import Space
from search_spaces.values import show
from sweeps.spec.reach import Point, reachable
from sweeps.spec.settings import SlotsSettings
from trainables.config.batch_split import split_batch
from trainables.config.growth import AUTO, SIZE
from trainables.config.trial import TrialConfig

_RAMP = "batch_ramp.start_fraction"

_NAMED = 4
"""Maximum number of faulty combinations that one problem names."""


def check_batches(trial: TrialConfig, space: Space | None, workers: int) -> list[Problem]:
    """Problems of the batch sizes that trials can have on this many workers."""
    return [*_uneven(trial, space, workers), *_unramped(trial, space, workers)]


def check_growth(
    trial: TrialConfig, space: Space | None, slots: SlotsSettings
) -> Iterator[Problem]:
    """Places in which the micro-batch cannot be found by trying."""
    searched = space.get(SIZE) if space else None
    if searched and any(_has_auto(domain) for domain in searched.domains):
        yield Problem(
            f"space.{SIZE}",
            "auto is no value among others: it finds the fastest, which changes no result",
            f"set {SIZE}: auto outside of the space",
        )
    if not trial.micro_batch_grows:
        return
    if slots.workers > 1 or slots.lanes not in (1, "auto"):
        what = "workers" if slots.workers > 1 else "lanes"
        remedy = f"set {SIZE} to a number, or leave out slots.{what}"
        yield Problem(SIZE, f"auto tries sizes in slots without {what}", remedy)
    elif not trial.learns.trains or trial.learns.rolls_out:
        why = f"auto times training steps, of which objective {trial.objective} has none of its own"
        yield Problem(SIZE, why, "set a number")
    elif trial.batch_ramp.start_fraction < 1 or (space and _RAMP in space):
        why = "auto would give each slot a batch_ramp of its own, made of whole micro-batches"
        yield Problem(SIZE, why, "set a number, or leave batch_ramp out")


def _has_auto(domain: Domain) -> bool:
    return isinstance(domain, Choice) and AUTO in domain.options


def _uneven(trial: TrialConfig, space: Space | None, workers: int) -> list[Problem]:
    searched = space.get("batch_size") if space else None
    sizes = chain.from_iterable(map(_sizes, searched.domains)) if searched else [trial.batch_size]
    return [
        Problem(
            "space.batch_size" if searched else "batch_size",
            f"{size} is not divisible by the {workers} workers of a slot",
            f"use a multiple of {workers}",
        )
        for size in sizes
        if isinstance(size, int) and size % workers
    ]


def _sizes(domain: Domain) -> tuple[object, ...]:
    """The values of a domain to check: if the first two of an Int divide evenly, all do."""
    if isinstance(domain, Choice):
        return domain.options
    if isinstance(domain, Int) and not domain.log:
        return domain.low, min(domain.low + domain.step, domain.high)
    return domain.low, domain.high


def _unramped(trial: TrialConfig, space: Space | None, workers: int) -> Iterator[Problem]:
    """A ramp starts with a smaller micro-batch, which is impossible for a single sequence."""
    fixed = {
        _RAMP: trial.batch_ramp.start_fraction,
        "batch_size": trial.batch_size,
        "micro_batch_size": trial.micro_batch_size,
    }
    if not trial.learns.trains:
        return
    points = reachable(space, fixed) if space else [{}]
    faulty = [point for point in points if _has_no_ramp({**fixed, **point}, workers)]
    if not faulty:
        return
    named = [] if len(faulty) == len(points) else faulty
    place = f"space.{next(iter(named[0]))}" if named else "batch_ramp"
    yield Problem(
        place,
        f"{_where(named)}the micro-batch of a worker is 1 sequence, so a ramp cannot start smaller",
        "raise batch_size or micro_batch_size, or leave batch_ramp out",
    )


def _has_no_ramp(values: Mapping[str, object], workers: int) -> bool:
    size, most = values["batch_size"], values["micro_batch_size"]
    start = values[_RAMP]
    if not isinstance(size, int) or not isinstance(most, int):
        return False  # invalid batch sizes; reported by another check
    if not isinstance(start, int | float) or start >= 1:
        return False
    try:
        micro, _ = split_batch(size, workers, most)
    except ValueError:
        return False  # no even division; reported by another check
    return micro == 1


def _where(points: list[Point]) -> str:
    """`with batch_size 7, batch_size 13: `; empty for no points."""
    named = [
        " and ".join(f"{name} {show(value)}" for name, value in point.items()) for point in points
    ]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"with {', '.join(named[:_NAMED])}{more}: " if named else ""

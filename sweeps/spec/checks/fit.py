"""Whether the parts of a sweep file fit each other, by all checks of this room and the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces.dotted import at, holds
from search_spaces.problem import Problem
from search_spaces.space import Space
from sweeps.home.earlier_sweeps import check_earlier_sweeps
from sweeps.spec.capacity import most_slots
from sweeps.spec.checks.batches import check_batches, check_growth
from sweeps.spec.checks.files import missing_files
from sweeps.spec.checks.metrics import check_metrics
from sweeps.spec.checks.search import check_search
from sweeps.spec.checks.values import check_values
from sweeps.spec.combinations import (
    check_combinations,
    check_engine,
    check_quantization,
    check_sections,
)
from sweeps.spec.encoders import check_encoders
from sweeps.spec.forks import check_forks
from sweeps.spec.generation import (
    check_generation,
    check_held_out,
    check_lookups,
    judged_by_answers,
)
from sweeps.spec.settings import SearchSettings, SlotsSettings, TrackingSettings
from trainables.config.trial import TrialConfig

_MEASURING = ("search", "evaluation", "metrics")
"""The sections that say what trials are measured by; unsure if there is a mistake in them."""


@dataclass(frozen=True)
class Parts:
    """The parts of a spec; None for one that could not be read, which another problem reports."""

    trials: int | None
    trial: TrialConfig | None
    space: Space | None
    search: SearchSettings | None
    slots: SlotsSettings | None
    tree: Mapping[str, object]
    elsewhere: bool = False


def check_fit(parts: Parts, found: Sequence[Problem] = ()) -> list[Problem]:
    """All conflicts between parts, besides the problems `found` in each by itself."""
    problems: list[Problem] = []
    trial, space, search, slots = parts.trial, parts.space, parts.search, parts.slots
    unsure = any(problem.place.startswith(_MEASURING) for problem in found)
    if trial and search:
        problems += check_metrics(trial, search, parts.tree)
        unsure = unsure or bool(problems)
        problems += check_generation(trial, search)
        problems += check_held_out(trial, search)
    if search:
        evaluations = trial.budget.evaluations if trial else None
        problems += check_search(search, space, parts.tree.get("name"), evaluations)
    if trial and space and search and not unsure:
        problems += check_lookups(trial, space, search)
    if trial and space:
        problems += check_values(trial, space)
        problems += check_combinations(judged_by_answers(trial) if unsure else trial, space)
        problems += check_quantization(trial, space)
        problems += check_encoders(trial, space, parts.elsewhere)
    if trial:
        problems += check_sections(trial)
    if space:
        problems += _fixed_and_searched(space, parts.tree)
    if trial and slots:
        problems += check_batches(trial, space, slots.workers)
        problems += check_engine(trial, space, slots.workers)
        problems += check_growth(trial, space, slots)
    if trial and space and search and search.forks > 1 and not (found or problems):
        problems += check_forks(trial, space, search, at(parts.tree, "storage.uri"))
    if slots:
        problems += _fewest_slots(slots, parts.trials)
    if trial:
        problems += missing_files(trial, parts.elsewhere)
        problems += check_earlier_sweeps(trial, parts.tree.get("name"))
    return problems


def check_databases(
    search: SearchSettings | None, tracking: TrackingSettings | None
) -> list[Problem]:
    """Optuna and MLflow cannot share a database: both keep a table named alembic_version."""
    if not search or not tracking or not search.storage or search.storage != tracking.uri:
        return []
    remedy = "use two databases; they may be on the same server"
    return [Problem("search.storage", "is also the database of tracking.uri", remedy)]


def _fewest_slots(slots: SlotsSettings, trials: int | None) -> list[Problem]:
    """A `slots.min` above the maximum number of slots, for which a sweep would wait forever."""
    most, limit = most_slots(slots, trials)
    if slots.min <= most:
        return []
    message = f"{slots.min} slots must start before the first trial, but {limit} allows {most}"
    remedy = f"lower slots.min to {most}, or raise {limit.partition(' ')[0]}"
    return [Problem("slots.min", message, remedy)]


def _fixed_and_searched(space: Space, tree: Mapping[str, object]) -> list[Problem]:
    return [
        Problem(f"space.{name}", "is also set at the top level", "keep one of them")
        for name in space
        if holds(tree, name)
    ]

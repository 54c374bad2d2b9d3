"""What a sweep may cost at most: the fields of `budget` about the whole sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from search_spaces.counting import count_points
from search_spaces.problem import Problem, SpaceError
from search_spaces.space import Space
from search_spaces.values import quoted, show
from sweeps.spec.settings import SearchSettings, SlotsSettings
from trainables.core.frozen import Frozen
from trainables.metrics.formula import normalised

MOST_TRIALS = 1_000_000
"""Limit of the number of trials, also where budget.trials is left out."""

_Amount = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]
_Value = Annotated[float, Field(allow_inf_nan=False)]


class CapsSettings(Frozen):
    """Caps on the whole sweep, confirmation included. Near one, no trial begins that cannot end.

    budget.trials may be left out if one of the others but `target` is set.
    """

    hours: _Amount | None = Field(
        default=None, description="wall clock, without the time between an end and a resume"
    )
    gpu_hours: _Amount | None = Field(
        default=None, description="hours of all GPUs held by slots, idle ones included"
    )
    cost: _Amount | None = Field(
        default=None, description="dollars for the nodes held by slots, by slots.prices"
    )
    trained_tokens: Annotated[int, Field(gt=0, le=10**18)] | None = Field(
        default=None, description="tokens that all trials train on together"
    )
    target: dict[str, _Value] = Field(
        default_factory=dict,
        description="values of the search's metrics; the sweep ends once a complete trial has them",
    )
    patience: Annotated[int, Field(gt=0, le=MOST_TRIALS)] | None = Field(
        default=None, description="number of trials in a row without a better complete trial"
    )
    at_cap: Literal["lay_aside", "finish"] = Field(
        default="lay_aside",
        description="trials under way at a cap: lay_aside writes a checkpoint, from which a resume "
        "continues them; finish trains them to their end, beyond the cap if need be",
    )

    @field_validator("target")
    @classmethod
    def _in_one_writing(cls, target: dict[str, float]) -> dict[str, float]:
        return {normalised(name): value for name, value in target.items()}

    @property
    def limits(self) -> dict[str, float]:
        """Each cap that is set, by its dotted name below `budget`."""
        flat = {
            name: getattr(self, name)
            for name in ("hours", "gpu_hours", "cost", "trained_tokens", "patience")
        }
        set_ones = {name: float(value) for name, value in flat.items() if value is not None}
        return set_ones | {f"target.{name}": value for name, value in self.target.items()}

    @property
    def ends_a_sweep(self) -> bool:
        """Whether they end a sweep without a number of trials."""
        return any(not name.startswith("target.") for name in self.limits)


NO_CAPS = CapsSettings()


def apart(budget: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The caps in `budget`, and the fields of a trial."""
    caps = {key: value for key, value in budget.items() if key in CapsSettings.model_fields}
    return caps, {key: value for key, value in budget.items() if key not in (*caps, "trials")}


def checked_trials(trials: object) -> tuple[int | None, list[Problem]]:
    """The number of trials as given, or what is wrong with it."""
    message = ""
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        message = f"must be a positive integer, got {quoted(trials)}"
    elif trials > MOST_TRIALS:
        message = f"must be at most {MOST_TRIALS:,}, got {show(trials)}"
    else:
        return trials, []
    return None, [Problem("budget.trials", message)]


def unnumbered(
    caps: CapsSettings | None, search: SearchSettings | None, wrong: bool
) -> tuple[int | None, list[Problem]]:
    """The number of trials where none is given: as many as the caps allow; None for a finite
    sampler. If `budget` is `wrong`, it may be meant to end the sweep."""
    if search and search.sampler_kind.finite:
        return None, []
    if caps and caps.ends_a_sweep:
        return MOST_TRIALS, []
    remedy = "set the number of trials, e.g. budget: {trials: 20}, or a cap: {hours: 8}"
    told = wrong or search is None
    return None, [] if told else [Problem("budget.trials", "is missing", remedy)]


def attainable(
    wanted: int | None, space: Space | None, search: SearchSettings | None
) -> int | None:
    """The number of trials, at most the points of the space; None if unknown."""
    if space is None or search is None:
        return wanted
    if wanted is not None:
        return count_points(space, wanted)
    try:
        return len(search.sampler_kind.points(space)) if search.sampler_kind.finite else None
    except SpaceError:  # reported by another problem
        return None


def check_caps(
    caps: CapsSettings | None,
    search: SearchSettings | None,
    slots: SlotsSettings | None,
    elsewhere: bool,
) -> list[Problem]:
    """Caps that this sweep cannot keep. Prices of a cluster file come to a sweep `elsewhere`."""
    problems = []
    if caps and slots and caps.gpu_hours is not None and slots.gpus == 0:
        message = "slots.gpus is 0, so no GPU is held"
        problems.append(Problem("budget.gpu_hours", message, "set budget.hours instead"))
    if (
        caps
        and slots
        and caps.cost is not None
        and not any(slots.prices.values())
        and not elsewhere
    ):
        message = "the nodes have no price"
        remedy = "add dollars per hour of each node type: slots: {prices: {worker: 1.006}}"
        problems.append(Problem("budget.cost", message, remedy))
    if caps and "target" in caps.model_fields_set and not caps.target:
        remedy = "name a metric of the search, e.g. {eval_loss: 1.2}, or leave it out"
        problems.append(Problem("budget.target", "is empty", remedy))
    if caps and "at_cap" in caps.model_fields_set and not caps.limits:
        message = "belongs to a cap, and none is set"
        problems.append(
            Problem("budget.at_cap", message, "set one, e.g. budget: {hours: 8}, or leave it out")
        )
    if caps and search:
        known = search.given_modes
        problems += [
            Problem(
                f"budget.target.{name}",
                "is not a metric of the search",
                f"name {' or '.join(known)}, or change search.metric",
            )
            for name in caps.target
            if name not in known
        ]
    return problems

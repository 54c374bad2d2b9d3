"""Which trials a confirmation trains again, and with which seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from results.ranking.front import judge
from results.ranking.winners import Ranking
from results.records.record import TrialRecord
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.spec.reach import reachable
from sweeps.spec.settings import ConfirmSettings
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.confirmed_words import varied
from trainables.config.trial import TrialConfig
from trainables.config.variation import VARYING_BY, varying


@dataclass(frozen=True)
class Repeat:
    """One confirmation to train: its own number, the trial, and the number of its seed, from 1."""

    number: int
    trial: TrialRecord
    seed: int


def candidates(ranking: Ranking, top: int) -> list[TrialRecord]:
    """The `top` best trials; of a larger Pareto front, trials evenly spread along it."""
    found = [winner.record for winner in ranking.winners]
    if not ranking.several or len(found) <= top:
        return found[:top]
    last = len(found) - 1
    places = [round(place * last / (top - 1)) for place in range(top)] if top > 1 else [0]
    return [found[place] for place in places]


def missing_repeats(
    ranking: Ranking, known: Sequence[TrialRecord], confirm: ConfirmSettings
) -> list[Repeat]:
    """The confirmations that are not at their end: open ones, then new ones, seed by seed.

    Seed by seed, so that a confirmation cut short has compared all trials by some seeds.
    """
    open_ones = [each for each in known if not each.status.ended]
    trials = {each.number: each for each in _all(ranking)}
    found = [
        Repeat(each.number, trials[each.confirms], each.repeat)
        for each in open_ones
        if each.confirms in trials
    ]
    had = {(each.confirms, each.repeat) for each in known}
    number = max((each.number for each in known), default=-1) + 1
    for seed in range(1, confirm.seeds + 1):
        for trial in candidates(ranking, confirm.top):
            if (trial.number, seed) not in had:
                found.append(Repeat(number, trial, seed))
                number += 1
    return found


def repeated_config(spec: SweepSpec, repeat: Repeat) -> TrialConfig:
    """The trial's configuration with the fresh seeds.

    All trials share them: their n-th repeats see the data in the same order, which makes them
    easier to tell apart. The data's own seed, and so the split, stays. Nothing compares them under
    way, and any of their evaluations may count: each is on all examples.
    """
    seed = _fresh(spec.search.seed, repeat.seed, "training")
    changes: dict[str, object] = {**repeat.trial.params, **repeat.trial.repairs, "seed": seed}
    if spec.trial.data is not None:
        changes["data.order_seed"] = _fresh(spec.search.seed, repeat.seed, "order")
    if spec.trial.evaluation.examples != "all":
        changes["evaluation.examples"] = "all"
    return spec.trial.with_params(changes)


def share_of_confirmation(spec: SweepSpec, folder: SweepFolder | None = None) -> list[str]:
    """What of the sweep is its confirmation, and what fresh seeds vary; empty without one.

    `folder` is that of a sweep that is on record.
    """
    confirm = spec.confirm
    if confirm is None:
        return []
    trials = folder.store.trials() if folder else []
    repeats = folder.confirmations.trials() if folder else []
    ended = sum(each.status.ended for each in trials)
    if ended < spec.trials:
        count = most_repeats(spec)
        total = spec.trials + count
        share = f" of at most {total} trainings, {count / total:.0%} of the budget without "
        size = f"{count}{share}early stopping"
        if spec.budget_trials is None:
            size = f"{count} trainings, for which the caps keep room"
    else:
        missing = missing_repeats(judge(trials, spec.search.goals), repeats, confirm)
        size = f"{len(missing)} trainings are missing" if missing else "nothing is missing"
    head = f"Confirmation of the best {confirm.top} with {confirm.seeds} fresh seeds each: {size}"
    return [f"{head}. {varied(_varying(spec))}"]


def most_repeats(spec: SweepSpec) -> int:
    """The number of trainings of a confirmation, if enough trials are complete."""
    return min(spec.confirm.top, spec.trials) * spec.confirm.seeds if spec.confirm else 0


def _varying(spec: SweepSpec) -> list[str]:
    """What fresh seeds vary in any trial of the space."""
    found: dict[str, None] = {}
    for params in reachable(spec.space, VARYING_BY):
        with suppress(ValidationError):  # a trial that will be refused
            found |= dict.fromkeys(varying(spec.trial.with_params(params)))
    return list(found)


def refuse_to_confirm(folder: SweepFolder, home: SweepHome) -> None:
    """SweepError unless the search has ended with a complete trial."""
    sweep, trials = folder.sweep_record(), folder.trials()
    name, way = sweep.name, home.way()
    left = [each for each in trials if not each.status.ended]
    cut_short = left or len(trials) < (sweep.budget_trials or 0)
    if cut_short and sweep.reached is None:
        raise SweepError(
            f"sweep {name!r} has trials that have not ended, which may be its best; `sweep resume "
            f"{name}{way}` ends them, and with --set confirm.top=3 --set confirm.seeds=4 confirms "
            "the best as well"
        )
    if not judge(trials, sweep.goals).winners:
        raise SweepError(
            f"sweep {name!r} has no complete trial to confirm; `sweep winners {name}{way}` says why"
        )


def _all(ranking: Ranking) -> list[TrialRecord]:
    return [winner.record for winner in ranking.winners]


def _fresh(search_seed: int, number: int, what: str) -> int:
    """A seed that no trial of the search has."""
    digest = hashlib.sha256(f"{search_seed}/confirm/{what}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1

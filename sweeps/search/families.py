"""Trials of a study that are drawn together: a trunk, and branches with its early values.

A branch has the trunk's number in Optuna as a user attribute; a trunk has its number of branches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from results.records.branch import Branch
from search_spaces import bridge
from search_spaces.counting import agreeing, count_points
from search_spaces.space import Space
from search_spaces.values import Value

TRUNK, _BRANCHES = "trunk", "branches"


def trunk_of(trial: FrozenTrial | optuna.Trial) -> int:
    """Optuna's number of a trial's trunk; its own if it is no branch."""
    found: Any = trial.user_attrs.get(TRUNK, trial.number)
    return int(found)


def is_branch(trial: FrozenTrial | optuna.Trial) -> bool:
    """Whether a trial was drawn with the early values of another."""
    return TRUNK in trial.user_attrs


def family(known: Sequence[FrozenTrial], number: int) -> list[int]:
    """The places in `known`, the sweep's own trials, of all that are drawn with trial `number`."""
    trunk = trunk_of(known[number])
    return [place for place, trial in enumerate(known) if trunk_of(trial) == trunk]


def branch(known: Sequence[FrozenTrial], number: int) -> Branch | None:
    """Trial `number` among those that are drawn with it; None if it is alone."""
    trunk, *branches = family(known, number)
    if not branches:
        return None
    siblings = tuple(each for each in (trunk, *branches) if each != number)
    return Branch(trunk=trunk, siblings=siblings)


def queue(
    study: optuna.Study,
    trunk: optuna.Trial,
    held: Mapping[str, Value],
    most: int,
    known: Sequence[FrozenTrial],
    space: Space,
) -> None:
    """Queue the branches of a trunk with the values `held`: at most `most`, decided once, and not
    more than there are combinations. Done again, it adds those that are missing."""
    if _BRANCHES not in trunk.user_attrs:
        points = (bridge.decode(trial.params, space) for trial in known)
        had = len(agreeing(space, points, held))
        count = count_points(space, had + most, held) - had
        trunk.set_user_attr(_BRANCHES, max(0, min(most, count)))
    there = sum(is_branch(trial) and trunk_of(trial) == trunk.number for trial in known)
    for _ in range(trunk.user_attrs[_BRANCHES] - there):
        attributes = {TRUNK: trunk.number}
        study.enqueue_trial(dict(bridge.encode(held, space)), user_attrs=attributes)


def unfinished(known: Collection[FrozenTrial], trunk: optuna.Trial) -> list[FrozenTrial]:
    """The branches of a trunk that have not ended."""
    mine = (each for each in known if is_branch(each) and trunk_of(each) == trunk.number)
    return [each for each in mine if not each.state.is_finished()]

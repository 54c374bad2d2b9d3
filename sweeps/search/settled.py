"""The leading trials of a study that have ended, each looked at once."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from sweeps.search import by_hand, families


class Settled:
    """Nothing of these trials changes any more. After thousands of them, a search that looked at
    all trials again and again would take longer and longer for each draw."""

    def __init__(self) -> None:
        self._count = self._queued = 0

    def rest(self, known: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
        """The trials after them; `known` are a search's own trials, of which there are more and
        more."""
        while self._count < len(known) and known[self._count].state.is_finished():
            self._queued += _is_first_point(known[self._count])
            self._count += 1
        return known[self._count :]

    def first_points(self, known: Sequence[FrozenTrial]) -> int:
        """The number of all trials that were queued at the start of the search."""
        return sum(map(_is_first_point, self.rest(known))) + self._queued


def _is_first_point(trial: FrozenTrial) -> bool:
    others = by_hand.is_by_hand(trial) or families.is_branch(trial)
    return "fixed_params" in trial.system_attrs and not others

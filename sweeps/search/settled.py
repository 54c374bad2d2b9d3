"""The leading trials of a study that have ended, each looked at once."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial


class Settled:
    """Nothing of these trials changes any more. After thousands of them, a search that looked at
    all trials again and again would take longer and longer for each draw."""

    def __init__(self) -> None:
        self._count = 0

    def rest(self, known: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
        """The trials after them; `known` are a search's own trials, of which there are more and
        more."""
        while self._count < len(known) and known[self._count].state.is_finished():
            self._count += 1
        return known[self._count :]

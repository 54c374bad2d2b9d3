"""A trial's checkpoints, and the forks that it writes for others on its way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from trainables.core.evaluation import Evaluation
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.forks.forks import Forks
from trainables.training.forks.tape import Tape


class ForkingCheckpoints(Checkpoints):
    """The checkpoints of the trial in the folder `trial`; after each of `steps` others part from
    it. `evaluations` are those made so far, and grow."""

    def __init__(
        self,
        folder: Path,
        every: float,
        trial: Path,
        forks: Forks,
        tape: Tape,
        steps: Collection[int],
        evaluations: Sequence[Evaluation],
    ) -> None:
        super().__init__(folder, every, forks.layout)
        self._trial = trial
        self._forks = forks
        self._tape = tape
        self._steps = frozenset(steps)
        self._evaluations = evaluations

    def parts_at(self, step: int) -> bool:
        """Whether others part from the trial after that step."""
        return step in self._steps

    def part(self, checkpoint: Checkpoint, fill: Callable[[Path], None]) -> None:
        """Write the fork for them, unless another trial has."""
        self._forks.put(self._tape, checkpoint, fill, self._evaluations, self._trial)

"""Which trials of a sweep share their first steps, and when each of them may begin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from results.records.record import TrialRecord, TrialStatus
from search_spaces.values import Value
from sweeps.search.study import StudyBook
from sweeps.spec.forks import Late
from sweeps.spec.spec import SweepSpec
from trainables.board.job import Forking
from trainables.config.trial import TrialConfig
from trainables.data.sets.training_set import training_set
from trainables.data.tokens.examples import Examples
from trainables.training.forks.forks import fork_folder
from trainables.training.forks.tape import Tape, shared_steps
from trainables.training.inputs import Inputs
from trainables.training.plan import Plan, make_plan

PlanOf = Callable[[TrialConfig], Plan]
ConfigOf = Callable[[Mapping[str, Value], int], TrialConfig | None]
"""The configuration of a trial with these params and this seed; None if it is refused."""


def plans(spec: SweepSpec, inputs: Inputs) -> PlanOf:
    """The plans of trials on a sweep's data, as slots make them."""
    mix = Examples(inputs.mix) if inputs.mix else None
    lengths, replayed = training_set(spec.trial, Examples(inputs.train), mix).lengths
    return lambda config: make_plan(config, lengths, spec.slots.workers, replayed)


@dataclass(frozen=True)
class Dropped:
    """A trial that need not be trained: how it ends, as an earlier one that begins like it."""

    status: TrialStatus
    why: str


class Branching:
    """The trunks of a sweep and their branches. `folder` is for their forks.

    A branch waits while an earlier trial is on the way to where the two part, since it begins
    there. If that trial ends before, the branch begins at an earlier fork, or is trained whole.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: StudyBook,
        folder: Path,
        record_of: Callable[[int], TrialRecord | None],
        config_of: ConfigOf,
        plan_of: PlanOf,
    ) -> None:
        self._spec = spec
        self._study = study
        self._folder = folder
        self._record_of = record_of
        self._config_of = config_of
        self._plan_of = plan_of
        self._late = Late(spec.trial, spec.space)
        self._held: dict[int, dict[str, Value]] = {}
        self._trunks: dict[int, int] = {}
        self._families: dict[int, _Family] = {}

    def branch_off(self, number: int, params: Mapping[str, Value], most: int) -> None:
        """Draw the branches of a trial that is the first with its early values, of at most so many
        trials in all."""
        if self._trunk(number) != number:
            return
        held = self._held[number] = self._late.held(params)
        if len(held) < len(params):
            wanted = min(self._spec.search.forks - 1, self._study.room(most))
            self._study.branch_off(number, held, wanted, self._spec.space)
            self._families.pop(number, None)

    def seed(self, number: int) -> int:
        """The seed of a trial, which all with its early values have."""
        trunk = self._trunk(number)
        if trunk not in self._held:
            params = self._study.family(trunk, self._spec.space)[trunk]
            self._held[trunk] = self._late.held(params)
        early = json.dumps(self._held[trunk], sort_keys=True, default=list)
        digest = hashlib.sha256(f"{self._spec.search.seed}/{early}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

    def waits(self, number: int) -> bool:
        """Whether an undrawn trial is better drawn later."""
        family = self._family(number)
        there = self._latest_fork(family, number)
        return any(
            shared > there and self._is_open(earlier)
            for earlier, shared in family.earlier(number).items()
        )

    def dropped(self, number: int) -> Dropped | None:
        """How a drawn trial ends without training: an earlier one was ended before they part."""
        for earlier, shared in self._family(number).earlier(number).items():
            record = self._record_of(earlier)
            if record is None or record.stopped_by_hand:
                continue
            last, parting = record.last(), f"the two part after step {shared}"
            if last is not None and last.step > shared:
                continue
            if record.status is TrialStatus.PRUNED and last is not None:
                why = f"with trial {earlier}, stopped at step {last.step}; {parting}"
                return Dropped(TrialStatus.PRUNED, why)
            # Also a fork of other cuts of the batches says how far it came.
            passed = any(self._place(number).glob(f"{shared}-*"))
            if record.status is TrialStatus.DIVERGED and not passed:
                return Dropped(TrialStatus.DIVERGED, f"as trial {earlier} did; {parting}")
        return None

    def forking(self, number: int) -> Forking | None:
        """Where the trial begins, and where others part from it."""
        family = self._family(number)
        if not family.members:
            return None
        return Forking(self._place(number), family.parting(number))

    def taken_over(self, number: int) -> float:
        """The share of its steps that a trial takes over from others, by the forks there are."""
        family = self._family(number)
        step = self._latest_fork(family, number)
        return step / family.steps(number) if step else 0.0

    def _is_open(self, number: int) -> bool:
        record = self._record_of(number)
        return record is None or not record.status.ended

    def _latest_fork(self, family: _Family, number: int) -> int:
        """The step of the latest fork on the trial's way, as far as others have written it."""
        place, steps = self._place(number), {*family.earlier(number).values()}
        there = (s for s in steps if fork_folder(place, s, family.until(number, s)).is_dir())
        return max(there, default=0)

    def _place(self, number: int) -> Path:
        return self._folder / f"{self._trunk(number):04d}"

    def _trunk(self, number: int) -> int:
        if number not in self._trunks:
            self._trunks[number] = next(iter(self._study.family(number, self._spec.space)))
        return self._trunks[number]

    def _family(self, number: int) -> _Family:
        trunk = self._trunk(number)
        if trunk not in self._families:
            members = self._study.family(trunk, self._spec.space)
            seed = self.seed(trunk)
            found = {n: self._config_of(params, seed) for n, params in members.items()}
            configs = {n: config for n, config in found.items() if config is not None}
            self._families[trunk] = _Family.of(configs, self._plan_of)
        return self._families[trunk]


class _Family:
    """Trials with the same early values: the steps that each two share, and what happens until
    then. Trials that will be refused are no `members`, nor is one that is alone."""

    def __init__(self, tapes: Mapping[int, Tape]) -> None:
        self.members = tuple(tapes) if len(tapes) > 1 else ()
        self._shared = {
            (one, other): shared_steps(tapes[one], tapes[other])
            for one, other in permutations(self.members, 2)
        }
        self._until = {
            (one, step): tapes[one].until(step) for (one, _), step in self._shared.items()
        }
        self._steps = {number: tape.steps for number, tape in tapes.items()}

    @classmethod
    def of(cls, configs: Mapping[int, TrialConfig], plan_of: PlanOf) -> _Family:
        """The family of trials with these configurations, by number."""
        tapes = {}
        for number, config in configs.items():
            if config.tunes.trains:
                with suppress(ValueError):  # no plan: the slot refuses the trial
                    tapes[number] = Tape(config, plan_of(config))
        return cls(tapes)

    def earlier(self, number: int) -> dict[int, int]:
        """The earlier trials, each with the number of steps shared."""
        found = {one: s for (one, other), s in self._shared.items() if other == number}
        return {one: shared for one, shared in found.items() if one < number and shared}

    def parting(self, number: int) -> tuple[int, ...]:
        """The steps after which later trials part from this one."""
        found = {s for (one, other), s in self._shared.items() if one == number < other}
        return tuple(sorted(step for step in found if 0 < step < self._steps[number]))

    def steps(self, number: int) -> int:
        """All steps of a trial."""
        return self._steps[number]

    def until(self, number: int, step: int) -> str:
        """What happens to a trial until it parts from another one, as its tape says."""
        return self._until[number, step]

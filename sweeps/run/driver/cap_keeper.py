"""The caps of a running sweep: asked by the search before each trial, and between Tune's events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from results.records.cluster_record import HOUR, ClusterRecord
from results.records.record import ReachedCap, SweepRecord, TrialRecord, TrialStatus
from results.records.spending import spent
from sweeps.caps.decision import Decision
from sweeps.caps.forecast import share_done
from sweeps.caps.position import Position
from sweeps.caps.trained_tokens import tokens_of
from sweeps.caps.without_gpus import refuse_without_gpus
from sweeps.cluster.meter import gpus_held, held
from sweeps.search.admission import Admission
from sweeps.spec.spec import SweepSpec
from trainables.slots.slot_size import SlotSize
from trainables.training.inputs import Inputs

_PAUSE = 0.5
"""Seconds between two decisions on trials under way; Tune asks far more often."""


class CapKeeper:
    """Applies the caps to the records of trials and repeats, and to what the observer sees.

    `reached` is the cap that ended the search, or a confirmation, before its time.
    """

    def __init__(
        self,
        spec: SweepSpec,
        sweep: SweepRecord,
        inputs: Inputs | None,
        trials: Callable[[], Sequence[TrialRecord]],
        repeats: Callable[[], Sequence[TrialRecord]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.reached: ReachedCap | None = None
        self._spec = spec
        self._sweep = sweep
        self._inputs = inputs
        self._trials = trials
        self._repeats = repeats
        self._clock = clock
        self._cluster: ClusterRecord | None = None
        self._size = SlotSize(1, 1.0, 0.0)
        self._slots = 1
        self._moments: dict[object, tuple[int, float]] = {}
        self._asked = 0.0
        self._over: set[bool] = set()
        self._lock = threading.Lock()

    def begin(self, slots: int, size: SlotSize) -> None:
        """Set the slots that the sweep plans; LaunchError if a cap cannot limit them."""
        refuse_without_gpus(self._spec, size)
        self._slots, self._size = slots, size

    def seen(self, cluster: ClusterRecord) -> None:
        """Take over the observer's record."""
        self._cluster = cluster

    def admits(
        self, params: Mapping[str, object], number: int, taken_over: float = 0.0
    ) -> Admission:
        """Whether the trial of the search may begin, which takes over a share of its steps from
        another; once one never may, none may."""
        if not self._spec.caps.limits:
            return Admission.NOW
        if self.reached is not None:
            return Admission.NEVER
        known = next((each for each in self._trials() if each.number == number), None)
        done = max(taken_over, share_done(known) if known else 0.0)
        answer, refused = self._decision.asks(self._position(), params, done)
        self.reached = refused if answer is Admission.NEVER else None
        return answer

    def admits_repeat(self, params: Mapping[str, object], number: int) -> Admission:
        """Whether the repeat of that number, with fresh seeds, may begin; once one never may, none
        may."""
        if not self._spec.caps.limits:
            return Admission.NOW
        known = next((each for each in self._repeats() if each.number == number), None)
        done = share_done(known) if known else 0.0
        answer, refused = self._decision.asks(self._position(), params, done, repeat=True)
        if answer is Admission.NEVER:
            self.reached = self.reached or refused
        return answer

    def is_over(self, repeats: bool = False) -> bool:
        """Whether trials under way, or repeats, must be laid aside now."""
        now = time.monotonic()
        if repeats in self._over:
            return True
        if not self._spec.caps.limits or now - self._asked < _PAUSE:
            return False
        self._asked = now
        if ended := self._decision.ends(self._position(), repeats):
            self._over.add(repeats)
            self.reached = self.reached or ended
        return ended is not None

    @cached_property
    def _decision(self) -> Decision:
        spec = self._spec
        found = tokens_of(spec, self._inputs) if spec.caps.trained_tokens else _no_tokens
        return Decision(spec.caps, spec.search.goals, self._slots, found, spec.confirm)

    def _position(self) -> Position:
        with self._lock:
            now, cluster = self._clock(), self._cluster
            trials, repeats = self._trials(), self._repeats()
            rates = self._rates(cluster)
            known = spent(self._sweep, cluster, [*trials, *repeats], now)
            since = max(0.0, now - cluster.at) if cluster else 0.0
            for name in ("gpu_hours", "cost"):
                known[name] += rates[name] * since / HOUR
            return Position(known, rates, trials, repeats, self._since([*trials, *repeats], now))

    def _rates(self, cluster: ClusterRecord | None) -> dict[str, float]:
        rates = {"hours": 1.0, "gpu_hours": 0.0, "cost": 0.0}
        if cluster is not None:
            parts = held(cluster.slots, cluster.nodes, self._size)
            rates["gpu_hours"] = gpus_held(cluster.slots, self._size)
            dearest = max(cluster.prices.values(), default=0.0)
            rates["cost"] = sum(
                part * cluster.prices.get(kind, dearest) for kind, part in parts.items()
            )
        return rates

    def _since(self, records: Sequence[TrialRecord], now: float) -> dict[object, float]:
        """The seconds of each running trial since its latest measurement was first seen."""
        running = [each for each in records if each.status is TrialStatus.RUNNING]
        before, self._moments = self._moments, {}
        for each in running:
            count = len(each.measurements)
            seen, moment = before.get(each.key, (-1, now))
            self._moments[each.key] = (count, moment if seen == count else now)
        return {key: now - moment for key, (_, moment) in self._moments.items()}


def _no_tokens(params: Mapping[str, object]) -> float:
    return 0.0

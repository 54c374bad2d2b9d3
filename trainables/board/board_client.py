"""The board as its users see it: a Ray actor's calls with the types of `Board`'s own methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Concatenate, Generic, ParamSpec, TypeVar

import ray
from ray.actor import ActorHandle

from trainables.board.board import Board
from trainables.board.job import Closed, Job, Reply
from trainables.board.nodes import Nodes
from trainables.board.slot_state import SlotState
from trainables.board.ticket import Event
from trainables.board.trial_patience import TrialPatience
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.core.progress import Phases
from trainables.lanes.limits import LaneLimits

P = ParamSpec("P")
T = TypeVar("T")

_CALLS_AT_ONCE = 100_000
"""The actor's limit of open calls. Each client waits inside one and each lane inside another: once
they had used up a limit of 1000, no slot could report any more."""


class Answer(Generic[T]):
    """The future answer to a call that was only sent."""

    def __init__(self, reference: ray.ObjectRef) -> None:
        self._reference = reference

    def has_come(self) -> bool:
        """Whether it has arrived, or never will; takes microseconds."""
        come, _ = ray.wait([self._reference], timeout=0)
        return bool(come)

    def get(self, timeout: float | None = None) -> T:
        """Wait for it. Raises a RayError if the call failed or time is out."""
        answer: T = ray.get(self._reference, timeout=timeout)
        return answer


class BoardClient:
    """One sweep's board, for any process connected to its Ray; can be passed to tasks and actors.

    Each method is the board's of that name. It waits for the board's answer, and raises
    RayActorError if the board is lost; a method named `send_` returns at once.
    """

    def __init__(self, actor: ActorHandle) -> None:
        self._actor = actor

    @classmethod
    def start(
        cls,
        goals: Mapping[str, str],
        retries: int,
        kept: int,
        resources: Mapping[str, float],
        patience: TrialPatience | None = None,
    ) -> BoardClient:
        """A new board, which ends when no client of it is left."""
        actor = ray.remote(Board).options(
            num_cpus=0, max_concurrency=_CALLS_AT_ONCE, resources=dict(resources)
        )
        return cls(actor.remote(goals, retries, kept, patience))

    # Called by the driver and the trials' clients

    def remember(self, evaluations: Sequence[Evaluation]) -> None:
        self._send(Board.remember, evaluations).get()

    def know_lanes(self, found: Mapping[str, LaneLimits]) -> None:
        self._send(Board.know_lanes, found).get()

    def lanes_found(self, timeout: float | None = None) -> dict[str, LaneLimits]:
        return self._send(Board.lanes_found).get(timeout)

    def submit(self, job: Job) -> None:
        self._send(Board.submit, job).get()

    def event(self, trial_id: str, heard: int) -> Event:
        return self._send(Board.event, trial_id, heard).get()

    def send_event(self, trial_id: str, heard: int) -> Answer[Event]:
        return self._send(Board.event, trial_id, heard)

    def suspend(self, timeout: float) -> None:
        self._send(Board.suspend).get(timeout)

    def lay_aside(self, timeout: float) -> None:
        self._send(Board.lay_aside).get(timeout)

    def measured(self) -> dict[str, list[Evaluation]]:
        return self._send(Board.measured).get()

    def close(self, reason: str) -> None:
        self._send(Board.close, reason).get()

    def why_closed(self) -> str | None:
        return self._send(Board.why_closed).get()

    def lives(self) -> bool:
        """Whether the board still exists."""
        try:
            self.why_closed()
        except ray.exceptions.RayActorError:
            return False
        return True

    def deserted(self, timeout: float) -> None:
        self._send(Board.deserted).get(timeout)

    def overview(self, timeout: float | None = None) -> list[SlotState]:
        return self._send(Board.overview).get(timeout)

    def send_accept(self, trial_id: str) -> Answer[None]:
        return self._send(Board.accept, trial_id)

    def send_cancel(self, trial_id: str) -> Answer[None]:
        return self._send(Board.cancel, trial_id)

    def send_drain(self) -> Answer[None]:
        return self._send(Board.drain)

    def send_watch(self, look: Callable[[], Nodes | None], every: float) -> Answer[None]:
        return self._send(Board.watch, look, every)

    # Called by slots

    def hello(self, slot: str, device: str = "", nodes: Sequence[str] = ()) -> int:
        return self._send(Board.hello, slot, device, nodes).get()

    def lost(self, slot: str) -> None:
        self._send(Board.lost, slot).get()

    def wants(self, slot: str) -> bool:
        return self._send(Board.wants, slot).get()

    def alive(self) -> int:
        return self._send(Board.alive).get()

    def lane_limits(self, slot: str, kind: str) -> LaneLimits | None:
        return self._send(Board.lane_limits, slot, kind).get()

    def limit_lanes(self, slot: str, kind: str, limits: LaneLimits) -> LaneLimits:
        return self._send(Board.limit_lanes, slot, kind, limits).get()

    def lanes(self) -> int:
        return self._send(Board.lanes).get()

    def take(self, slot: str, life: int, patience: float) -> Job | Closed | None:
        return self._send(Board.take, slot, life, patience).get()

    def take_like(self, slot: str, life: int, kind: Hashable) -> Job | None:
        return self._send(Board.take_like, slot, life, kind).get()

    def send_back(self, trial_id: str) -> None:
        self._send(Board.send_back, trial_id).get()

    def evaluated(self, trial_id: str, evaluation: Evaluation) -> Reply:
        return self._send(Board.evaluated, trial_id, evaluation).get()

    def wants_whole(self, trial_id: str, evaluation: Evaluation) -> bool:
        return self._send(Board.wants_whole, trial_id, evaluation).get()

    def fault(self, trial_id: str, outcome: Outcome) -> None:
        self._send(Board.fault, trial_id, outcome).get()

    def ended(self, trial_id: str, outcome: Outcome) -> None:
        self._send(Board.ended, trial_id, outcome).get()

    def send_at(self, trial_id: str, phases: Phases, remarks: tuple[str, ...]) -> Answer[None]:
        return self._send(Board.at, trial_id, phases, remarks)

    def send_wish(self, trial_id: str) -> Answer[Ending]:
        return self._send(Board.wish, trial_id)

    def _send(
        self,
        method: Callable[Concatenate[Board, P], Awaitable[T]],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> Answer[T]:
        return Answer(getattr(self._actor, method.__name__).remote(*arguments, **named))

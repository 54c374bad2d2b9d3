"""The board, on which trials wait for slots and slots report evaluations.

One Ray actor per sweep. Clients (Tune trials) submit jobs and wait for events; slots take jobs and
report evaluations and outcomes. Everything is keyed by trial, as a slot may hold several at once.
All access is through `BoardClient`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace

from trainables.board.job import Closed, Job, JobKind, Reply
from trainables.board.job_queue import JobQueue
from trainables.board.nodes import Nodes
from trainables.board.retries import Retries
from trainables.board.slot_registry import IDLE_STARTS, SlotRegistry
from trainables.board.slot_state import SlotState
from trainables.board.ticket import Event, Ticket
from trainables.board.trial_patience import TrialPatience
from trainables.board.weights_policy import weights_policy
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.core.progress import Phases
from trainables.lanes.limits import LaneLimits


class Board:
    """The queue between trials and slots.

    `goals`, metric -> "min" or "max", decide whose weights are kept: those of the `kept` best
    trials (see weights_policy.py). A trial that outlasts `patience` is complete.
    """

    def __init__(
        self,
        goals: Mapping[str, str],
        retries: int = 1,
        kept: int = 1,
        patience: TrialPatience | None = None,
    ) -> None:
        self._policy = weights_policy(goals, kept)
        self._patience = patience
        self._queue = JobQueue()
        self._slots = SlotRegistry()
        self._retries = Retries(retries, self._queue, self._slots)
        self._closed: str | None = None
        self._draining = False

    # Called by clients

    async def remember(self, evaluations: Sequence[Evaluation]) -> None:
        """Note a trial completed before this board started; others must be as good as it."""
        self._policy.completed(evaluations)

    async def know_lanes(self, found: Mapping[str, LaneLimits]) -> None:
        """Note numbers of lanes that were found before this board started."""
        self._slots.found.update(found)

    async def lanes_found(self) -> dict[str, LaneLimits]:
        """All numbers of lanes found so far, by device and kind of trial."""
        return dict(self._slots.found)

    async def submit(self, job: Job) -> None:
        """Queue a job; jobs are taken in order of arrival.

        Ignores a repeated job: Tune replaces a client that died, and sometimes creates one for a
        trial that it then leaves with another.
        """
        if job.trial_id in self._queue:
            return
        ticket = self._queue.add(job)
        if self._closed is not None:
            self._queue.end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))

    async def event(self, trial_id: str, heard: int) -> Event:
        """The event after the first `heard`, an evaluation or the outcome; waits for it."""
        ticket = self._queue[trial_id]
        while (event := ticket.event(heard)) is None:
            ticket.news.clear()
            await ticket.news.wait()
        return event

    async def cancel(self, trial_id: str) -> None:
        """Stop the trial at its next step. Does nothing if it has ended already."""
        if trial_id in self._queue and not self._queue[trial_id].ended:
            self._queue.ask(self._queue[trial_id], Ending.STOPPED)

    async def suspend(self) -> None:
        """Suspend all trials, each with a checkpoint; returns when they are suspended.

        No other trial is started any more.
        """
        self._closed = self._closed or "the sweep was interrupted"
        self._queue.wake()
        await self.lay_aside()

    async def lay_aside(self) -> None:
        """Suspend all trials that are here, each with a checkpoint; returns when they are."""
        training = [ticket for ticket in self._queue.of_trials() if not ticket.ended]
        for ticket in training:
            self._queue.ask(ticket, Ending.SUSPENDED)
        for ticket in training:
            await ticket.over.wait()

    async def measured(self) -> dict[str, list[Evaluation]]:
        """All evaluations of each trial, including those not yet delivered to its client."""
        return {ticket.job.trial_id: ticket.seen for ticket in self._queue.of_trials()}

    async def accept(self, trial_id: str) -> None:
        """Count the trial as complete, so that others must be as good as it to have weights kept.

        The scheduler may have stopped it before its slot noticed, and a stopped trial cannot
        win.
        """
        self._policy.completed(self._queue[trial_id].seen)

    async def drain(self) -> None:
        """Note that no new trial will come: idle slots may leave, all but the last.

        That one is kept for trials whose slot may still die, and for the test set.
        """
        self._draining = True
        self._queue.wake()

    async def close(self, reason: str) -> None:
        """Let slots leave, and end every trial: its slot may be gone, and its client must not wait.

        Of several reasons, the first is kept: it is the cause of the others.
        """
        self._closed = self._closed or reason
        for ticket in self._queue.unfinished():
            self._queue.end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))
        self._queue.wake()

    async def vacate(self, nodes: Collection[str]) -> None:
        """Note that these nodes will be taken away soon: their slots leave, and restart elsewhere.

        A trial under way is suspended with a checkpoint, and is the first to be resumed.
        """
        self._slots.cluster = replace(self._slots.cluster, draining=frozenset(nodes))
        for ticket in self._queue.unfinished():
            if ticket.slot is not None and self._slots.drains(ticket.slot):
                ticket.lay_aside()
        self._queue.wake()

    async def watch(self, look: Callable[[], Nodes | None], every: float) -> None:
        """Check the nodes every `every` seconds until the board closes, and act on changes."""
        while self._closed is None or self._queue.unfinished():
            seen = await asyncio.to_thread(look) or self._slots.cluster
            doomed = seen.draining != self._slots.cluster.draining
            self._slots.cluster = seen
            if doomed:
                await self.vacate(seen.draining)
            for slot in self._slots.on_gone_nodes():
                await self.lost(slot)  # Train does not report a node that reached its deadline
            await asyncio.sleep(every)

    async def why_closed(self) -> str | None:
        """The reason why no trial is started any more; None while the board is open."""
        return self._closed

    async def deserted(self) -> None:
        """Returns when no slot is up."""
        await self._slots.deserted()

    async def overview(self) -> list[SlotState]:
        """All slots that have ever been up, and their work."""
        return self._slots.states(self._queue)

    # Called by slots

    async def hello(self, slot: str, device: str = "", nodes: Sequence[str] = ()) -> int:
        """Register a slot that has (re)started: what it trained when it died gets another try.

        `device` is what it runs on; `nodes` are the ids of its workers' nodes. Returns the number
        of its life. The board closes if a slot restarts again and again without taking a job.
        """
        await self.lost(slot)
        life = self._slots.add(slot, device, nodes)
        if self._slots.starts_in_vain(slot):
            await self.close(
                f"{slot} died {IDLE_STARTS} times in a row before it took a trial; "
                "the logs of its workers are in Ray's session folder"
            )
        return life

    async def lost(self, slot: str) -> None:
        """Note the loss of a slot's workers. Its trials need not wait for their replacement."""
        nodes = self._slots.lose(slot)
        held = [ticket for ticket in self._queue.unfinished() if ticket.slot == slot]
        # One that its slot was to leave to another has lost nothing.
        hit = [each for each in held if each.job.kind is JobKind.TRAIN and not each.comes_back]
        for ticket in reversed(held):  # each is put before all that wait
            self._retries.lost(ticket, nodes, beside=len(held) > 1)
        self._slots.bereaved(slot, sum(not ticket.ended for ticket in hit))

    async def wants(self, slot: str) -> bool:
        """Whether a slot that has left should come back with new workers."""
        return self._closed is None and self._slots.comes_back(slot)

    async def alive(self) -> int:
        """The number of slots that are up."""
        return len(self._slots.up)

    async def lane_limits(self, slot: str, kind: str) -> LaneLimits | None:
        """How many lanes a slot takes for this kind of trial, if any slot on such a device has
        found that before."""
        return self._slots.limits(slot, kind)

    async def limit_lanes(self, slot: str, kind: str, limits: LaneLimits) -> LaneLimits:
        """Note how many lanes a slot has found to take for a kind; those of the first count."""
        return self._slots.limit(slot, kind, limits)

    async def lanes(self) -> int:
        """The number of trials that the slots which are up can train at once."""
        return self._slots.lanes()

    async def take(self, slot: str, life: int, patience: float) -> Job | Closed | None:
        """The next job, waiting at most `patience` seconds for one.

        A call that has outlived its slot gets none: the job would be lost.
        """
        if not await self._queue.arrival(lambda: not self._idles(slot), patience):
            return None
        if not self._slots.lives(slot, life):
            return Closed()
        if self._closed is None and self._goes(slot):
            self._slots.send_home(slot)
            return Closed()
        if self._queue.empty:
            self._slots.leave(slot)
            return Closed()
        return self._queue.take().taken(slot, self._slots.has_taken(slot))

    async def take_like(self, slot: str, life: int, kind: Hashable) -> Job | None:
        """A trial of this kind for a free lane of a slot, if one waits."""
        if (
            self._closed is not None
            or self._slots.drains(slot)
            or not self._slots.lives(slot, life)
        ):
            return None
        ticket = self._queue.take_like(kind)
        return ticket.taken(slot, self._slots.has_taken(slot)) if ticket else None

    async def send_back(self, trial_id: str) -> None:
        """Let a trial wait for a slot that it has to itself."""
        ticket = self._queue[trial_id]
        ticket.go_alone()
        if not ticket.ended:
            self._queue.settle(
                ticket, Outcome(ticket.how) if ticket.asked_to_end.is_set() else None
            )

    async def at(self, trial_id: str, phases: Phases, remarks: tuple[str, ...] = ()) -> None:
        """Note a slot's progress with a job, and the slot's remarks on its hardware."""
        ticket = self._queue[trial_id]
        ticket.phases = phases
        if ticket.slot:
            self._slots.remark(ticket.slot, remarks)

    async def evaluated(self, trial_id: str, evaluation: Evaluation) -> Reply:
        """Pass an evaluation on, unless it repeats an earlier one after a retry."""
        ticket = self._queue[trial_id]
        evaluation = replace(evaluation, attempt=ticket.attempt)
        earlier = [each for each in ticket.seen if each.point < evaluation.point]
        last = evaluation.point == ticket.job.config.budget.evaluations
        is_best = self._policy.is_best(evaluation, earlier, last)
        ticket.measured(evaluation)
        may_win = is_best and (ticket.job.keeps or self._policy.may_win(evaluation))
        return Reply(not ticket.dropped and not self._enough(ticket), is_best, may_win)

    async def wants_whole(self, trial_id: str, evaluation: Evaluation) -> bool:
        """Whether an evaluation on a part of the set may become the trial's result: it is the
        trial's best so far and no complete trial beats it, or the trial ends with it."""
        ticket = self._queue[trial_id]
        if ticket.dropped:
            return False
        earlier = [each for each in ticket.seen if each.point < evaluation.point]
        if self._patience is not None and self._patience.is_over([*earlier, evaluation]):
            return True
        return self._policy.could_win(evaluation, earlier)

    async def fault(self, trial_id: str, outcome: Outcome) -> None:
        """Note a slot's report before it failed with a trial; the first is nearest the cause."""
        ticket = self._queue[trial_id]
        ticket.fault = ticket.fault or outcome

    async def ended(self, trial_id: str, outcome: Outcome) -> None:
        """End a trial or another job.

        One that ran out of memory is retried with half its micro-batch, and one suspended because
        its slot leaves is the first that the next slot takes.
        """
        ticket = self._queue[trial_id]
        stopped = outcome.ending is Ending.STOPPED and not ticket.dropped
        if stopped and self._enough(ticket):
            outcome = replace(outcome, ending=Ending.COMPLETE)
        if not ticket.ended:
            self._queue.settle(ticket, ticket.left(outcome))

    async def wish(self, trial_id: str) -> Ending:
        """The requested ending of the trial, once there is one; also after it has ended."""
        ticket = self._queue[trial_id]
        await ticket.asked_to_end.wait()
        return ticket.how

    def _idles(self, slot: str) -> bool:
        return self._queue.empty and self._closed is None and not self._goes(slot)

    def _enough(self, ticket: Ticket) -> bool:
        is_trial = ticket.job.kind is JobKind.TRAIN
        return is_trial and self._patience is not None and self._patience.is_over(ticket.seen)

    def _goes(self, slot: str) -> bool:
        needless = self._draining and len(self._slots.up) > 1 and self._queue.empty
        return needless or self._slots.drains(slot)

"""Where trials wait for slots, and slots leave what they measured.

One Ray actor per sweep. Clients (Tune trials) submit jobs and wait for events; slots take jobs,
leave evaluations and outcomes. Everything is keyed by trial, so that a slot may one day hold
several trials at once. All who use it do so through `BoardClient`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from trainables.board.job import Closed, Job, Reply
from trainables.board.job_queue import JobQueue
from trainables.board.nodes import Nodes
from trainables.board.retries import Retries
from trainables.board.slot_registry import IDLE_STARTS, SlotRegistry
from trainables.board.slot_state import SlotState
from trainables.board.ticket import Event
from trainables.board.weights_policy import weights_policy
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.core.progress import Phases


class Board:
    """The queue between trials and slots.

    `goals`, metric -> "min" or "max", decide whose weights are worth keeping, those of the `kept`
    best trials (see weights_policy.py).
    """

    def __init__(self, goals: Mapping[str, str], retries: int = 1, kept: int = 1) -> None:
        self._policy = weights_policy(goals, kept)
        self._queue = JobQueue()
        self._slots = SlotRegistry()
        self._retries = Retries(retries, self._queue, self._slots)
        self._closed: str | None = None
        self._draining = False

    # What clients call

    async def remember(self, evaluations: Sequence[Evaluation]) -> None:
        """A trial was complete before this board began; others must be as good as it."""
        self._policy.completed(evaluations)

    async def submit(self, job: Job) -> None:
        """Queue a job; it is taken in order of arrival.

        Once only: Tune makes a new client in the place of one that died, and at times one for a
        trial that it then leaves with another.
        """
        if job.trial_id in self._queue:
            return
        ticket = self._queue.add(job)
        if self._closed is not None:
            self._queue.end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))

    async def event(self, trial_id: str, heard: int) -> Event:
        """The trial's evaluation after so many, or its outcome, as soon as there is one."""
        ticket = self._queue[trial_id]
        while (event := ticket.event(heard)) is None:
            ticket.news.clear()
            await ticket.news.wait()
        return event

    async def cancel(self, trial_id: str) -> None:
        """Have the trial dropped at its next step. Nothing happens where it has ended already."""
        if trial_id in self._queue and not self._queue[trial_id].ended:
            self._queue.ask(self._queue[trial_id], Ending.STOPPED)

    async def suspend(self) -> None:
        """Have all trials laid aside, each with a checkpoint; returns when they are.

        No other trial is taken up any more.
        """
        self._closed = self._closed or "the sweep was interrupted"
        self._queue.wake()
        training = [ticket for ticket in self._queue.of_trials() if not ticket.ended]
        for ticket in training:
            self._queue.ask(ticket, Ending.SUSPENDED)
        for ticket in training:
            await ticket.over.wait()

    async def measured(self) -> dict[str, list[Evaluation]]:
        """All evaluations of each trial, also those that its client has not heard of yet."""
        return {ticket.job.trial_id: ticket.seen for ticket in self._queue.of_trials()}

    async def accept(self, trial_id: str) -> None:
        """The trial counts as complete, so others must be as good as it to have weights kept.

        The scheduler may have stopped it before its slot heard of that, and what has been stopped
        can win nothing.
        """
        self._policy.completed(self._queue[trial_id].seen)

    async def drain(self) -> None:
        """No new trial will come: slots without one may go home, all but the last.

        That one is there for trials whose slot dies yet, and for the test set.
        """
        self._draining = True
        self._queue.wake()

    async def close(self, reason: str) -> None:
        """Let slots go home, and end every trial: its slot may be gone, and nobody may wait.

        Of several reasons the first is the cause of the others.
        """
        self._closed = self._closed or reason
        for ticket in self._queue.unfinished():
            self._queue.end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))
        self._queue.wake()

    async def vacate(self, nodes: Collection[str]) -> None:
        """These nodes will be taken away soon: their slots go home, and come back elsewhere.

        A trial under way is laid aside with a checkpoint, and is the first that is taken up again.
        """
        self._slots.cluster = replace(self._slots.cluster, draining=frozenset(nodes))
        for ticket in self._queue.unfinished():
            if ticket.slot is not None and self._slots.drains(ticket.slot):
                ticket.lay_aside()
        self._queue.wake()

    async def watch(self, look: Callable[[], Nodes | None], every: float) -> None:
        """Look at the nodes every so many seconds until the board closes, and do what follows."""
        while self._closed is None or self._queue.unfinished():
            seen = await asyncio.to_thread(look) or self._slots.cluster
            doomed = seen.draining != self._slots.cluster.draining
            self._slots.cluster = seen
            if doomed:
                await self.vacate(seen.draining)
            for slot in self._slots.on_gone_nodes():
                await self.lost(slot)  # Train says nothing of a node that went by its deadline
            await asyncio.sleep(every)

    async def why_closed(self) -> str | None:
        """The reason why no trial is taken any more; None while the board is open."""
        return self._closed

    async def deserted(self) -> None:
        """Returns when no slot is up any more."""
        await self._slots.deserted()

    async def overview(self) -> list[SlotState]:
        """All slots that have ever been up, and what they do."""
        return self._slots.states(self._queue)

    # What slots call

    async def hello(self, slot: str, device: str = "", nodes: Sequence[str] = ()) -> int:
        """A slot has (re)started: what it trained when it died gets another try.

        `device` is what it runs on, `nodes` are the ids of those that its workers are on. Returns
        which of its lives begins. A slot that starts again and again without taking a job would do
        so for ever, so the board closes.
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
        """A slot's workers are gone. What it trained need not wait until there are new ones."""
        nodes = self._slots.lose(slot)
        for ticket in self._queue.unfinished():
            if ticket.slot == slot:
                self._retries.lost(ticket, nodes)

    async def wants(self, slot: str) -> bool:
        """Whether a slot that went home is to come back with new workers."""
        return self._closed is None and self._slots.comes_back(slot)

    async def alive(self) -> int:
        """How many slots are up."""
        return len(self._slots.up)

    async def take(self, slot: str, life: int, patience: float) -> Job | Closed | None:
        """The next job, waiting at most `patience` seconds for one.

        A call that has outlived its slot gets none: the job would be lost.
        """
        waits = self._queue.empty and self._closed is None and not self._goes(slot)
        if waits and not await self._queue.arrival(patience):
            return None
        if not self._slots.lives(slot, life):
            return Closed()
        if self._closed is None and self._goes(slot):
            self._slots.send_home(slot)
            return Closed()
        if self._queue.empty:
            if self._closed is None:
                return None
            self._slots.leave(slot)
            return Closed()
        return self._queue.take().taken(slot, self._slots.has_taken(slot))

    async def at(self, trial_id: str, phases: Phases, remarks: tuple[str, ...] = ()) -> None:
        """How far a slot is with a job, and what is to be known of what the slot runs on."""
        ticket = self._queue[trial_id]
        ticket.phases = phases
        if ticket.slot:
            self._slots.remark(ticket.slot, remarks)

    async def evaluated(self, trial_id: str, evaluation: Evaluation) -> Reply:
        """Pass an evaluation on, unless a retried trial repeats one that was seen before."""
        ticket = self._queue[trial_id]
        evaluation = replace(evaluation, attempt=ticket.attempt)
        earlier = [each for each in ticket.seen if each.point < evaluation.point]
        last = evaluation.point == ticket.job.config.budget.evaluations
        is_best = self._policy.is_best(evaluation, earlier, last)
        ticket.measured(evaluation)
        may_win = is_best and self._policy.may_win(evaluation)
        return Reply(not ticket.dropped, is_best, may_win)

    async def fault(self, trial_id: str, outcome: Outcome) -> None:
        """What a slot saw before it broke down with a trial; the first to speak is the nearest."""
        ticket = self._queue[trial_id]
        ticket.fault = ticket.fault or outcome

    async def ended(self, trial_id: str, outcome: Outcome) -> None:
        """A trial has come to its end, whichever it was.

        One that ran out of memory is tried again with half its micro-batch, and one that was laid
        aside because its slot leaves is the first that the next slot takes.
        """
        ticket = self._queue[trial_id]
        if not ticket.ended:
            self._queue.settle(ticket, ticket.left(outcome))

    async def wish(self, trial_id: str) -> Ending:
        """How the trial is to end, as soon as somebody wants it to; also when it has ended."""
        ticket = self._queue[trial_id]
        await ticket.asked_to_end.wait()
        return ticket.how

    def _goes(self, slot: str) -> bool:
        needless = self._draining and len(self._slots.up) > 1 and self._queue.empty
        return needless or self._slots.drains(slot)

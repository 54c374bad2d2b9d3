"""Where trials wait for slots, and slots leave what they measured.

One Ray actor per sweep. Clients (Tune trials) submit jobs and wait for events; slots take jobs,
leave evaluations and outcomes. Everything is keyed by trial, so that a slot may one day hold
several trials at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from trainables.core.background import breakdowns_told
from trainables.core.evaluation import Ending, Evaluation, Outcome
from trainables.core.progress import Phases
from trainables.slots.job import Closed, Job, JobKind, Reply
from trainables.slots.keeping import keeper
from trainables.slots.nodes import LOOK_EVERY, Nodes
from trainables.slots.roster import SlotState, roster
from trainables.slots.ticket import Event, Ticket

_IDLE_STARTS = 4
"""Starts in a row without a job after which a slot is given up."""

_LOOKS = 20
"""Looks at the nodes after which Ray would know of one that is lost."""


class Board:
    """The queue between trials and slots.

    `goals`, metric -> "min" or "max", decide whose weights are worth keeping, those of the `kept`
    best trials (see keeping.py).
    """

    def __init__(self, goals: Mapping[str, str], retries: int = 1, kept: int = 1) -> None:
        self._keeper = keeper(goals, kept)
        self._retries = retries
        self._tickets: dict[str, Ticket] = {}
        self._waiting: deque[str] = deque()
        self._arrival = asyncio.Event()
        self._departure = asyncio.Event()
        self._closed: str | None = None
        self._draining = False
        self._lives: Counter[str] = Counter()
        self._devices: dict[str, str] = {}
        self._nodes: dict[str, tuple[str, ...]] = {}
        self._known = Nodes()
        self._verdicts: set[asyncio.Task[None]] = set()
        self._needless: set[str] = set()
        self._alive: set[str] = set()
        self._dead: set[str] = set()
        self._idle_starts: Counter[str] = Counter()
        self._remarks: dict[str, tuple[str, ...]] = {}

    # What clients call

    async def remember(self, evaluations: Sequence[Evaluation]) -> None:
        """A trial was complete before this board began; others must be as good as it."""
        self._keeper.completed(evaluations)

    async def submit(self, job: Job) -> None:
        """Queue a job; it is taken in order of arrival.

        Once only: Tune makes a new client in the place of one that died, and at times one for a
        trial that it then leaves with another.
        """
        if job.trial_id in self._tickets:
            return
        ticket = self._tickets[job.trial_id] = Ticket(job, list(job.seen))
        if self._closed is not None:
            self._end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))
            return
        self._waiting.append(job.trial_id)
        self._arrival.set()

    async def event(self, trial_id: str, heard: int) -> Event:
        """The trial's evaluation after so many, or its outcome, as soon as there is one."""
        ticket = self._tickets[trial_id]
        while (event := ticket.event(heard)) is None:
            ticket.news.clear()
            await ticket.news.wait()
        return event

    async def cancel(self, trial_id: str) -> None:
        """Have the trial dropped at its next step. Nothing happens where it has ended already."""
        ticket = self._tickets.get(trial_id)
        if ticket is None or ticket.ended:
            return
        self._ask(ticket, Ending.STOPPED)

    async def suspend(self) -> None:
        """Have all trials laid aside, each with a checkpoint; returns when they are.

        No other trial is taken up any more.
        """
        self._closed = self._closed or "the sweep was interrupted"
        self._arrival.set()
        training = [
            ticket
            for ticket in self._tickets.values()
            if ticket.job.kind is JobKind.TRAIN and not ticket.ended
        ]
        for ticket in training:
            self._ask(ticket, Ending.SUSPENDED)
        for ticket in training:
            await ticket.over.wait()

    async def measured(self) -> dict[str, list[Evaluation]]:
        """All evaluations of each trial, also those that its client has not heard of yet."""
        training = (t for t in self._tickets.values() if t.job.kind is JobKind.TRAIN)
        return {ticket.job.trial_id: ticket.seen for ticket in training}

    async def accept(self, trial_id: str) -> None:
        """The trial counts as complete, so others must be as good as it to have weights kept.

        The scheduler may have stopped it before its slot heard of that, and what has been stopped
        can win nothing.
        """
        self._keeper.completed(self._tickets[trial_id].seen)

    async def drain(self) -> None:
        """No new trial will come: slots without one may go home, all but the last.

        That one is there for trials whose slot dies yet, and for the test set.
        """
        self._draining = True
        self._arrival.set()

    async def close(self, reason: str) -> None:
        """Let slots go home, and end every trial: its slot may be gone, and nobody may wait.

        Of several reasons the first is the cause of the others.
        """
        self._closed = self._closed or reason
        for ticket in self._tickets.values():
            if not ticket.ended:
                self._end(ticket, Outcome(Ending.SUSPENDED, error=self._closed))
        self._arrival.set()

    async def vacate(self, nodes: Collection[str]) -> None:
        """These nodes will be taken away soon: their slots go home, and come back elsewhere.

        A trial under way is laid aside with a checkpoint, and is the first that is taken up again.
        """
        self._known = replace(self._known, draining=frozenset(nodes))
        for ticket in self._tickets.values():
            if ticket.slot is not None and not ticket.ended and self._leaves(ticket.slot):
                ticket.lay_aside()
        self._arrival.set()

    async def watch(self, look: Callable[[], Nodes | None], every: float) -> None:
        """Look at the nodes every so many seconds until the board closes, and do what follows."""
        while self._closed is None or not all(each.ended for each in self._tickets.values()):
            seen = await asyncio.to_thread(look) or self._known
            doomed = seen.draining != self._known.draining
            self._known = seen
            if doomed:
                await self.vacate(seen.draining)
            for slot in [
                each for each in self._alive if not seen.gone.isdisjoint(self._nodes[each])
            ]:
                await self.lost(slot)  # Train says nothing of a node that went by its deadline
            await asyncio.sleep(every)

    async def why_closed(self) -> str | None:
        """The reason why no trial is taken any more; None while the board is open."""
        return self._closed

    async def deserted(self) -> None:
        """Returns when no slot is up any more."""
        while self._alive:
            self._departure.clear()
            await self._departure.wait()

    async def overview(self) -> list[SlotState]:
        """All slots that have ever been up, and what they do."""
        slots = self._lives, self._alive, self._devices, self._nodes
        return roster(*slots, self._tickets.values(), self._needless, self._remarks)

    # What slots call

    async def hello(self, slot: str, device: str = "", nodes: Sequence[str] = ()) -> int:
        """A slot has (re)started: what it trained when it died gets another try.

        `device` is what it runs on, `nodes` are the ids of those that its workers are on. Returns
        which of its lives begins. A slot that starts again and again without taking a job would do
        so for ever, so the board closes.
        """
        await self.lost(slot)
        self._dead.discard(slot)
        self._devices[slot] = device
        self._nodes[slot] = tuple(nodes)
        self._lives[slot] += 1
        self._idle_starts[slot] += 1
        self._alive.add(slot)
        if self._idle_starts[slot] > _IDLE_STARTS:
            await self.close(
                f"{slot} died {_IDLE_STARTS} times in a row before it took a trial; "
                "the logs of its workers are in Ray's session folder"
            )
        return self._lives[slot]

    async def lost(self, slot: str) -> None:
        """A slot's workers are gone. What it trained need not wait until there are new ones.

        It is tried as often again as its slot's death may be its fault, and once more wherever a
        node was lost.
        """
        self._leave(slot)
        self._dead.add(slot)
        nodes = frozenset(self._nodes.get(slot, ()))
        for ticket in self._tickets.values():
            if ticket.slot == slot and not ticket.ended:
                ticket.orphaned(nodes)
                self._bereft(ticket, doubtful=bool(nodes - {self._known.here}))

    async def wants(self, slot: str) -> bool:
        """Whether a slot that went home is to come back with new workers."""
        return self._closed is None and slot not in self._needless

    async def alive(self) -> int:
        """How many slots are up."""
        return len(self._alive)

    async def take(self, slot: str, life: int, patience: float) -> Job | Closed | None:
        """The next job, waiting at most `patience` seconds for one.

        A call that has outlived its slot gets none: the job would be lost.
        """
        if not self._waiting and self._closed is None and not self._goes(slot):
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), patience)
            except TimeoutError:
                return None
        if self._lives[slot] != life or slot in self._dead:
            return Closed()
        if self._closed is None and self._goes(slot):
            self._send_home(slot)
            return Closed()
        if not self._waiting:
            if self._closed is None:
                return None
            self._leave(slot)
            return Closed()
        self._idle_starts[slot] = 0
        ticket = self._tickets[self._waiting.popleft()]
        return ticket.taken(slot, self._devices.get(slot, ""))

    async def at(self, trial_id: str, phases: Phases, remarks: tuple[str, ...] = ()) -> None:
        """How far a slot is with a job, and what is to be known of what the slot runs on."""
        ticket = self._tickets[trial_id]
        ticket.phases = phases
        self._remarks |= {ticket.slot: remarks} if ticket.slot else {}

    async def evaluated(self, trial_id: str, evaluation: Evaluation) -> Reply:
        """Pass an evaluation on, unless a retried trial repeats one that was seen before."""
        ticket = self._tickets[trial_id]
        evaluation = replace(evaluation, attempt=ticket.attempt)
        earlier = [each for each in ticket.seen if each.point < evaluation.point]
        last = evaluation.point == ticket.job.config.budget.evaluations
        is_best = self._keeper.is_best(evaluation, earlier, last)
        ticket.measured(evaluation)
        may_win = is_best and self._keeper.may_win(evaluation)
        return Reply(not ticket.dropped, is_best, may_win)

    async def fault(self, trial_id: str, outcome: Outcome) -> None:
        """What a slot saw before it broke down with a trial; the first to speak is the nearest."""
        ticket = self._tickets[trial_id]
        ticket.fault = ticket.fault or outcome

    async def ended(self, trial_id: str, outcome: Outcome) -> None:
        """A trial has come to its end, whichever it was.

        One that ran out of memory is tried again with half its micro-batch, and one that was laid
        aside because its slot leaves is the first that the next slot takes.
        """
        ticket = self._tickets[trial_id]
        if ticket.ended:
            return
        self._after(ticket, ticket.left(outcome))

    async def wish(self, trial_id: str) -> Ending:
        """How the trial is to end, as soon as somebody wants it to; also when it has ended."""
        ticket = self._tickets[trial_id]
        await ticket.asked_to_end.wait()
        return ticket.how

    def _leaves(self, slot: str) -> bool:
        return not self._known.draining.isdisjoint(self._nodes.get(slot, ()))

    def _goes(self, slot: str) -> bool:
        needless = self._draining and len(self._alive) > 1 and not self._waiting
        return needless or self._leaves(slot)

    def _leave(self, slot: str) -> None:
        self._alive.discard(slot)
        self._departure.set()

    def _send_home(self, slot: str) -> None:
        self._leave(slot)
        if self._leaves(slot):
            self._idle_starts[slot] = 0  # it did not die
        else:
            self._needless.add(slot)

    def _bereft(self, ticket: Ticket, doubtful: bool) -> None:
        """Ray hears of a lost node later than of its workers, so a verdict may have to wait."""
        outcome = ticket.bereft(self._retries, self._known.gone)
        if outcome and outcome.ending is Ending.FAILED and doubtful:
            verdict = asyncio.create_task(self._verdict(ticket))
            self._verdicts.add(verdict)
            verdict.add_done_callback(self._verdicts.discard)
        else:
            self._after(ticket, outcome)

    async def _verdict(self, ticket: Ticket) -> None:
        def failed(why: str) -> None:  # else its client would wait for ever
            self._end(ticket, Outcome(Ending.FAILED, error=why))

        what = "The verdict on a trial whose slot was lost"
        with breakdowns_told(what, "it is not tried again", failed):
            for _ in range(_LOOKS):
                await asyncio.sleep(LOOK_EVERY)
                if ticket.ended or ticket.deaths(self._known.gone) <= self._retries:
                    break
            if not ticket.ended:
                self._after(ticket, ticket.bereft(self._retries, self._known.gone))

    def _ask(self, ticket: Ticket, how: Ending) -> None:
        ticket.ask(how)
        if ticket.slot is None:
            self._end(ticket, Outcome(how))

    def _after(self, ticket: Ticket, outcome: Outcome | None) -> None:
        """End it, or where there is no outcome yet have it tried again before all others."""
        if outcome is not None:
            self._end(ticket, outcome)
            return
        ticket.wait_again()
        self._waiting.appendleft(ticket.job.trial_id)
        self._arrival.set()

    def _end(self, ticket: Ticket, outcome: Outcome) -> None:
        ticket.end(outcome)
        if ticket.job.trial_id in self._waiting:
            self._waiting.remove(ticket.job.trial_id)

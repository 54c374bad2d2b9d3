"""The jobs of a sweep: those that wait for a slot, and all others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator

from trainables.board.job import Job, JobKind
from trainables.board.ticket import Ticket
from trainables.core.evaluation import Ending, Outcome
from trainables.lanes.kind import kind_of, why_alone

MOST_PASSED = 16
"""Later jobs that may be taken before one that needs a slot to itself."""


class JobQueue:
    """A ticket for each job that was ever submitted; waiting jobs are in order.

    Iteration is in order of arrival; indexing is by the job's trial id.
    """

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._waiting: deque[str] = deque()
        self._arrival = asyncio.Event()

    def __getitem__(self, trial_id: str) -> Ticket:
        return self._tickets[trial_id]

    def __contains__(self, trial_id: str) -> bool:
        return trial_id in self._tickets

    def __iter__(self) -> Iterator[Ticket]:
        return iter(self._tickets.values())

    @property
    def empty(self) -> bool:
        """Whether no job waits."""
        return not self._waiting

    def of_trials(self) -> list[Ticket]:
        """The tickets of trials, without measurements of the base and on the test set."""
        return [ticket for ticket in self if ticket.job.kind is JobKind.TRAIN]

    def unfinished(self) -> list[Ticket]:
        """The tickets without an outcome."""
        return [ticket for ticket in self if not ticket.ended]

    def add(self, job: Job) -> Ticket:
        """Add a job after all that wait."""
        ticket = self._tickets[job.trial_id] = Ticket(job, list(job.seen))
        self._waiting.append(job.trial_id)
        self.wake()
        return ticket

    def take(self) -> Ticket:
        """Remove and return the first that waits."""
        return self._tickets[self._waiting.popleft()]

    def take_like(self, kind: Hashable) -> Ticket | None:
        """Remove and return the first waiting trial of this kind (`kind_of`) that may share a slot.

        None if there is none, or if an earlier job has been passed over often enough.
        """
        before: list[Ticket] = []
        for trial_id in self._waiting:
            ticket = self._tickets[trial_id]
            if _shares(ticket.job) and kind_of(ticket.job.config) == kind:
                for each in before:
                    each.passed += 1
                self._waiting.remove(trial_id)
                return ticket
            if ticket.passed >= MOST_PASSED:
                return None
            before.append(ticket)
        return None

    async def arrival(self, wanted: Callable[[], bool], patience: float) -> bool:
        """Whether what a slot waits for is there; waits at most `patience` seconds for that.

        A slot whose job another has taken waits on: else each of hundreds of idle slots would be
        answered, and ask again, at each job.
        """
        try:
            async with asyncio.timeout(patience):
                while not wanted():
                    self._arrival.clear()
                    await self._arrival.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Make all slots that wait for a job look again."""
        self._arrival.set()

    def ask(self, ticket: Ticket, how: Ending) -> None:
        """Ask for its end in this way; at once if no slot has it."""
        ticket.ask(how)
        if ticket.slot is None:
            self.end(ticket, Outcome(how))

    def settle(self, ticket: Ticket, outcome: Outcome | None) -> None:
        """End it, or without an outcome retry it before all others."""
        if outcome is not None:
            self.end(ticket, outcome)
            return
        ticket.wait_again()
        self._waiting.appendleft(ticket.job.trial_id)
        self.wake()

    def end(self, ticket: Ticket, outcome: Outcome) -> None:
        """End it and remove it from the waiting jobs."""
        ticket.end(outcome)
        if ticket.job.trial_id in self._waiting:
            self._waiting.remove(ticket.job.trial_id)


def _shares(job: Job) -> bool:
    return job.kind is JobKind.TRAIN and not job.alone and why_alone(job.config) is None

"""The jobs of a sweep: which wait for a slot, and what has become of the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from trainables.board.job import Job, JobKind
from trainables.board.ticket import Ticket
from trainables.core.evaluation import Ending, Outcome


class JobQueue:
    """A ticket for each job that was ever submitted; those that wait are in order.

    It is iterated over in the order of arrival, and asked for a ticket by the job's trial id.
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
        """Those of trials, without measurements of the base and on the test set."""
        return [ticket for ticket in self if ticket.job.kind is JobKind.TRAIN]

    def unfinished(self) -> list[Ticket]:
        """Those that have no outcome yet."""
        return [ticket for ticket in self if not ticket.ended]

    def add(self, job: Job) -> Ticket:
        """A new job, which comes after all that wait."""
        ticket = self._tickets[job.trial_id] = Ticket(job, list(job.seen))
        self._waiting.append(job.trial_id)
        self.wake()
        return ticket

    def take(self) -> Ticket:
        """The first that waits, for a slot to do."""
        return self._tickets[self._waiting.popleft()]

    async def arrival(self, patience: float) -> bool:
        """Whether within `patience` seconds anything comes for which a slot has to look again."""
        self._arrival.clear()
        try:
            await asyncio.wait_for(self._arrival.wait(), patience)
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Have all slots that wait for a job look again."""
        self._arrival.set()

    def ask(self, ticket: Ticket, how: Ending) -> None:
        """Have it end so, at once if nobody works on it."""
        ticket.ask(how)
        if ticket.slot is None:
            self.end(ticket, Outcome(how))

    def settle(self, ticket: Ticket, outcome: Outcome | None) -> None:
        """End it, or where there is no outcome yet have it tried again before all others."""
        if outcome is not None:
            self.end(ticket, outcome)
            return
        ticket.wait_again()
        self._waiting.appendleft(ticket.job.trial_id)
        self.wake()

    def end(self, ticket: Ticket, outcome: Outcome) -> None:
        """It has come to its end, and waits for no slot any more."""
        ticket.end(outcome)
        if ticket.job.trial_id in self._waiting:
            self._waiting.remove(ticket.job.trial_id)

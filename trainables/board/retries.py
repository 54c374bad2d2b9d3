"""Decides whether a job whose slot was lost is retried."""

from __future__ import annotations

import asyncio

from trainables.board.job_queue import JobQueue
from trainables.board.nodes import LOOK_EVERY
from trainables.board.slot_registry import SlotRegistry
from trainables.board.ticket import Ticket
from trainables.core.background import breakdowns_told
from trainables.core.evaluation import Ending, Outcome

_LOOKS = 20
"""The number of looks at the nodes after which Ray would report a lost one."""


class Retries:
    """A job is retried at most `most` times if its slot's death may be its fault, and any number of
    times if a node was lost."""

    def __init__(self, most: int, queue: JobQueue, slots: SlotRegistry) -> None:
        self._most = most
        self._queue = queue
        self._slots = slots
        self._verdicts: set[asyncio.Task[None]] = set()

    def lost(self, ticket: Ticket, nodes: frozenset[str], beside: bool = False) -> None:
        """Handle the loss of the job's slot, which ran on these nodes, maybe with jobs `beside` it.

        Ray reports a lost node later than its workers, so a verdict may have to wait.
        """
        ticket.orphaned(nodes, beside)
        outcome = self._outcome(ticket)
        doubtful = bool(nodes - {self._slots.cluster.here})
        if outcome and outcome.ending is Ending.FAILED and doubtful:
            verdict = asyncio.create_task(self._verdict(ticket))
            self._verdicts.add(verdict)
            verdict.add_done_callback(self._verdicts.discard)
        else:
            self._queue.settle(ticket, outcome)

    async def _verdict(self, ticket: Ticket) -> None:
        def failed(why: str) -> None:  # otherwise its client would wait for ever
            self._queue.end(ticket, Outcome(Ending.FAILED, error=why))

        what = "The verdict on a trial whose slot was lost"
        with breakdowns_told(what, "the trial is not retried", failed):
            for _ in range(_LOOKS):
                await asyncio.sleep(LOOK_EVERY)
                if ticket.ended or ticket.deaths(self._slots.cluster.gone) <= self._most:
                    break
            if not ticket.ended:
                self._queue.settle(ticket, self._outcome(ticket))

    def _outcome(self, ticket: Ticket) -> Outcome | None:
        return ticket.bereft(self._most, self._slots.cluster.gone)

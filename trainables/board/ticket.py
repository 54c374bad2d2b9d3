"""A job on its way through the board: who has it, what came of it, whether it is tried again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from trainables.board.job import Job
from trainables.core.evaluation import Attempt, Ending, Evaluation, Outcome
from trainables.core.progress import Phases
from trainables.training.watchdog import hung

Event = Evaluation | Outcome


@dataclass
class Ticket:
    """`seen` are its evaluations so far; `slot` is who has it, None while it waits.

    `losses` has, for each slot that was lost with it, the ids of the slot's nodes. `fault` is what
    a slot said before it broke down with the job. `comes_back` is whether it was asked to end only
    because its slot leaves. `phases` is what its slot is at.
    """

    job: Job
    seen: list[Evaluation]
    phases: Phases = ()
    news: asyncio.Event = field(default_factory=asyncio.Event)
    asked_to_end: asyncio.Event = field(default_factory=asyncio.Event)
    how: Ending = Ending.STOPPED
    comes_back: bool = False
    slot: str | None = None
    attempt: Attempt = field(default_factory=Attempt)
    losses: list[frozenset[str]] = field(default_factory=list)
    fault: Outcome | None = None
    outcome: Outcome | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        """Whether it has an outcome."""
        return self.outcome is not None

    @property
    def dropped(self) -> bool:
        """Whether nobody wants to know more of the trial."""
        return self.asked_to_end.is_set() and self.how is Ending.STOPPED

    def event(self, place: int) -> Event | None:
        """The evaluations, and then the outcome; None where there are not as many yet."""
        if place < len(self.seen):
            return self.seen[place]
        return self.outcome if place == len(self.seen) else None

    def taken(self, slot: str, device: str) -> Job:
        """A slot has it, which runs on `device` and is told what was measured by now."""
        self.slot, self.phases = slot, ()
        self.attempt = replace(self.attempt, number=self.attempt.number + 1, device=device)
        return replace(self.job, seen=tuple(self.seen))

    def measured(self, evaluation: Evaluation) -> None:
        """Keep it, unless a retried trial repeats one that was seen before."""
        if all(evaluation.point > earlier.point for earlier in self.seen):
            self.seen.append(evaluation)
            self.news.set()

    def ask(self, how: Ending) -> None:
        """Have whoever trains it end so."""
        self.how = how
        self.comes_back = False
        self.asked_to_end.set()

    def lay_aside(self) -> None:
        """Have it trained elsewhere from where it is, unless it is to end anyway."""
        if not self.asked_to_end.is_set():
            self.ask(Ending.SUSPENDED)
            self.comes_back = True

    def wait_again(self) -> None:
        """It is to be taken by another slot, or by the same one in another life."""
        self.slot = self.fault = None
        if self.comes_back:
            self.comes_back = False
            self.asked_to_end.clear()

    def end(self, outcome: Outcome) -> None:
        """It has come to its end; all who wait for it may go on."""
        self.outcome = replace(outcome, attempt=self.attempt)
        if outcome.ending is Ending.SUSPENDED:
            self.how = Ending.SUSPENDED  # whoever trains it yet may leave a checkpoint
        self.news.set()
        self.asked_to_end.set()
        self.over.set()

    def left(self, outcome: Outcome) -> Outcome | None:
        """Its slot is done with it: how it ends therefore, or None where it gets another try."""
        if outcome.out_of_memory:
            return self.shrink(outcome)
        if outcome.ending is Ending.SUSPENDED and self.comes_back:
            return None
        if outcome.ending is Ending.SUSPENDED and self.dropped:
            return replace(outcome, ending=Ending.STOPPED)  # cancelled while it was laid aside
        return outcome

    def orphaned(self, nodes: frozenset[str]) -> None:
        """Its slot is gone, which was on these nodes."""
        self.slot = None
        if not self.comes_back:  # else it is not what its slot died of
            self.losses.append(nodes)

    def deaths(self, gone: frozenset[str]) -> int:
        """How many of its slots were lost, though none of their nodes is `gone`."""
        return sum(nodes.isdisjoint(gone) for nodes in self.losses)

    def bereft(self, retries: int, gone: frozenset[str]) -> Outcome | None:
        """How it ends now that its slot is gone, or None where it gets another try."""
        if self.comes_back:
            return None
        if self.asked_to_end.is_set():
            return Outcome(self.how)
        if self.fault and self.fault.out_of_memory:
            return self.shrink(self.fault)
        deaths = self.deaths(gone)
        if deaths <= retries:
            return None
        times = f"{deaths} times" if deaths > 1 else "once"
        why = f"its slot died {times} while training it"
        words = self._last_words()
        last = f"; last error: {words}" if words else ""
        return Outcome(Ending.FAILED, error=why + last)

    def shrink(self, outcome: Outcome) -> Outcome | None:
        """Half the micro-batch and twice the accumulation, for the same effective batch.

        How it ends where that cannot be, or None where it gets another try.
        """
        config = self.job.config
        held = min(config.micro_batch_size, config.batch_size)
        if held == 1:
            error = f"does not fit into memory even with a micro-batch of 1: {outcome.error}"
            return Outcome(Ending.INFEASIBLE, outcome.cost, error)
        self.job = replace(self.job, config=config.with_params({"micro_batch_size": held // 2}))
        self.attempt = replace(self.attempt, micro_batch_size=held // 2)
        return None

    def _last_words(self) -> str:
        if self.fault and self.fault.error:
            return self.fault.error
        if hung(self.job.folder):
            return f"no progress within slots.trial_timeout; see hang-*.txt in {self.job.folder}"
        return ""

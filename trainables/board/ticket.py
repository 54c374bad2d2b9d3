"""A job on its way through the board: its slot, its outcome and its retries."""

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
    """`seen` are its evaluations so far; `slot` has the job, None while it waits.

    `losses` has, for each slot lost while training it, the ids of the slot's nodes. `fault` is the
    slot's report before it failed with the job. `comes_back` is whether it was asked to end only
    because its slot leaves. `phases` is its slot's progress. `passed` counts the later jobs that
    were taken before it.
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
    passed: int = 0

    @property
    def ended(self) -> bool:
        """Whether it has an outcome."""
        return self.outcome is not None

    @property
    def dropped(self) -> bool:
        """Whether the trial was cancelled."""
        return self.asked_to_end.is_set() and self.how is Ending.STOPPED

    def event(self, place: int) -> Event | None:
        """The evaluations, and then the outcome; None if there are fewer events so far."""
        if place < len(self.seen):
            return self.seen[place]
        return self.outcome if place == len(self.seen) else None

    def taken(self, slot: str, device: str) -> Job:
        """Give the job to a slot that runs on `device`; includes the evaluations so far."""
        self.slot, self.phases = slot, ()
        self.attempt = replace(self.attempt, number=self.attempt.number + 1, device=device)
        return replace(self.job, seen=tuple(self.seen))

    def measured(self, evaluation: Evaluation) -> None:
        """Keep it, unless it repeats an earlier one after a retry."""
        if all(evaluation.point > earlier.point for earlier in self.seen):
            self.seen.append(evaluation)
            self.news.set()

    def ask(self, how: Ending) -> None:
        """Ask its slot to end it in this way."""
        self.how = how
        self.comes_back = False
        self.asked_to_end.set()

    def lay_aside(self) -> None:
        """Ask its slot to leave it to another, unless it is to end anyway."""
        if not self.asked_to_end.is_set():
            self.ask(Ending.SUSPENDED)
            self.comes_back = True

    def wait_again(self) -> None:
        """Make it wait for another slot, or for a restart of the same one."""
        self.slot = self.fault = None
        if self.comes_back:
            self.comes_back = False
            self.asked_to_end.clear()

    def end(self, outcome: Outcome) -> None:
        """End it and wake everyone who waits for it."""
        self.outcome = replace(outcome, attempt=self.attempt)
        if outcome.ending is Ending.SUSPENDED:
            self.how = Ending.SUSPENDED  # a slot still training it may write a checkpoint
        self.news.set()
        self.asked_to_end.set()
        self.over.set()

    def left(self, outcome: Outcome) -> Outcome | None:
        """Its ending after its slot has finished with it, or None for another try."""
        if outcome.out_of_memory:
            return self.shrink(outcome)
        if outcome.ending is Ending.SUSPENDED and self.comes_back:
            return None
        if outcome.ending is Ending.SUSPENDED and self.dropped:
            return replace(outcome, ending=Ending.STOPPED)  # cancelled while being laid aside
        return outcome

    def go_alone(self) -> None:
        """From now on it shares its slot with no other trial."""
        self.job = replace(self.job, alone=True)

    def orphaned(self, nodes: frozenset[str], beside: bool) -> None:
        """Note the loss of its slot, which ran on these nodes and may have had trials `beside` it.

        Of several, the one that killed the slot does it again alone, and the others lose no retry.
        """
        self.slot = None
        if self.comes_back:
            return  # it did not kill its slot
        if beside:
            self.go_alone()
        else:
            self.losses.append(nodes)

    def deaths(self, gone: frozenset[str]) -> int:
        """The number of its slots that were lost without a node being `gone`."""
        return sum(nodes.isdisjoint(gone) for nodes in self.losses)

    def bereft(self, retries: int, gone: frozenset[str]) -> Outcome | None:
        """Its ending after the loss of its slot, or None for another try."""
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
        """Halve the micro-batch and double the accumulation, for the same effective batch.

        Returns its ending if that is impossible, or None for another try.
        """
        config = self.job.config
        least = 2 if config.batch_ramp.start_fraction < 1 else 1  # a ramp needs two sizes
        if config.micro_batch_size <= least:
            error = f"does not fit into memory even with a micro-batch of {least}: {outcome.error}"
            return Outcome(Ending.INFEASIBLE, outcome.cost, error)
        asked = min(config.micro_batch_size, config.learns.step_size(config))
        # An evaluation may hold more sequences than a step, and also fits with fewer.
        smaller = max(least, (outcome.micro_batch_size or asked) // 2)
        self.job = replace(self.job, config=config.with_params({"micro_batch_size": smaller}))
        self.attempt = replace(self.attempt, micro_batch_size=smaller)
        return None

    def _last_words(self) -> str:
        if self.fault and self.fault.error:
            return self.fault.error
        if hung(self.job.folder):
            return f"no progress within slots.trial_timeout; see hang-*.txt in {self.job.folder}"
        return ""

"""The lanes of a process: tick after tick, and a new trial wherever one has ended."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import DivergedError, Ending, Outcome
from trainables.lanes.bank import Bank
from trainables.lanes.base_pass import BasePass
from trainables.lanes.joint import JointEvaluation
from trainables.lanes.kind import kind_of
from trainables.lanes.lane import Entry, Lane
from trainables.lanes.limits import FoundLimits, LaneLimits
from trainables.lanes.probe import limits_of
from trainables.lanes.rowwise import rowwise
from trainables.lanes.seat import AloneError, seated
from trainables.lanes.tick import Parts, Share, chosen
from trainables.training.memory import is_out_of_memory, release_memory
from trainables.training.pages import release_pages
from trainables.training.workshop import Workshop

Refill = Callable[[], Entry | None]
"""The next trial of the same kind; None if there is none now."""


class Lanes:
    """Trials of one kind on one base: at most `most`, or as many as `found` says."""

    def __init__(self, workshop: Workshop, most: int, found: FoundLimits | None = None) -> None:
        self._workshop = workshop
        self._found = found
        self._limits = None if found else LaneLimits(most, most)
        self._lanes: list[Lane] = []
        self._budget: int | None = None
        self._turn = 0

    def run(self, first: Entry, refill: Refill) -> None:
        """Train the first trial and all that `refill` gives, until no lane is left; without a lane
        for the first one nothing, as it waits for this slot."""
        gc.freeze()  # as for a trial alone
        try:
            self._set_up(first.config)
        except Exception as error:
            first.fail(error)
            if isinstance(error, torch.AcceleratorError):
                raise  # this process has lost its device
            return
        try:
            self._seat(first)
            if self._lanes:
                self._train(refill)
        except torch.AcceleratorError:
            raise  # this process has lost its device
        except Exception as error:  # noqa: BLE001 - any error in a trial is told as its outcome
            self._end_all(error)
        finally:
            self._lanes.clear()
            self._base.activation_checkpointing_disable()
            release_pages()
            release_memory()

    def _train(self, refill: Refill) -> None:
        while self._fill(refill):
            self._tick()

    def _set_up(self, config: TrialConfig) -> None:
        self._kind, self._config = kind_of(config), config
        self._base = self._workshop.lend(config)
        self._bank = Bank(self._base)
        self._rowwise = rowwise(self._base)
        self._joint = JointEvaluation(self._workshop, self._base, self._bank)
        self._forward = BasePass(self._workshop, self._base, self._bank, config)

    def _fill(self, refill: Refill) -> bool:
        """Give free lanes to further trials; whether any lane has a trial."""
        while len(self._lanes) < self._room() and (entry := refill()) is not None:
            self._seat(entry)
        return bool(self._lanes)

    def _room(self) -> int:
        """The number of lanes; found as soon as one has a trial."""
        if self._limits is None and self._found is not None and self._lanes:
            lane, found = self._lanes[0], self._found
            with lane.clock.running():
                self._limits = found.of(
                    self._kind,
                    lane.plan.micro_batches,
                    lambda: limits_of(self._forward, lane, found.auto),
                )
        return self._limits.lanes if self._limits else 1

    def _seat(self, entry: Entry) -> None:
        assert kind_of(entry.config) == self._kind, "trials of one kind"
        if why := self._rowwise.why_all_alone:
            entry.go_alone(why)
            return
        try:
            lane = seated(self._workshop, self._base, self._bank, self._rowwise, entry)
        except AloneError as error:
            entry.go_alone(str(error))
            return
        except Exception as error:
            entry.fail(error)
            if isinstance(error, torch.AcceleratorError):
                raise  # this process has lost its device
            if self._workshop.lend(entry.config) is not self._base:
                raise  # the base could not be restored
            return
        finally:
            self._prepare()
        self._lanes.append(lane)

    def _prepare(self) -> None:
        """The base as training needs it; attaching and removing an adapter resets it."""
        self._base.train()
        if self._config.gradient_checkpointing:
            self._base.activation_checkpointing_enable({"use_reentrant": False})

    def _tick(self) -> None:
        began = time.monotonic()
        useful = self._limits.tokens if self._limits else None
        shares = chosen(self._lanes, self._budget, self._turn, useful)
        self._turn += 1
        try:
            self._forward(
                shares,
                [share.lane.adapter for share in shares],
                lambda *made: list(self._losses(shares, *made)),
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._shrink(shares, error)
            return
        self._share_out(shares, time.monotonic() - began)
        for share in shares:
            del share.lane.left[: len(share.items)]
        self._step([share.lane for share in shares if not share.lane.left])

    def _losses(
        self, shares: Sequence[Share], outputs: torch.Tensor, parts: Parts, spans: list[slice]
    ) -> Iterator[torch.Tensor]:
        for share, part, span in zip(shares, parts.lanes, spans, strict=True):
            try:
                yield share.lane.loss_of(outputs[span], part, len(share.items))
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                self._leave(share.lane)
                share.lane.entry.fail(error)

    def _share_out(self, shares: Sequence[Share], seconds: float) -> None:
        """A tick's seconds by tokens."""
        tokens = sum(share.tokens for share in shares)
        for share in shares:
            share.lane.clock.add(seconds * share.tokens / tokens)
            share.lane.run.beside(len(self._lanes))

    def _step(self, lanes: Sequence[Lane]) -> None:
        """The steps of lanes whose examples are done, and what follows from them."""
        for lane in [each for each in lanes if each in self._lanes]:
            self._tried(lane, lane.step)
        due = [lane for lane in lanes if lane in self._lanes and lane.due]
        for group in self._joint.groups(due, self._limits.tokens if self._limits else None):
            if len(group) > 1:
                self._measure(group)
        for lane in [each for each in lanes if each in self._lanes]:
            self._tried(lane, lane.after_step)

    def _measure(self, lanes: Sequence[Lane]) -> None:
        """Measure lanes together; after an error each measures itself, which shows whose it is."""
        self._workshop.watchdog.alive()  # the next is heard of once all are measured
        began = time.monotonic()
        try:
            found = self._joint.rows(lanes)
        except Exception as error:
            if isinstance(error, torch.AcceleratorError):
                raise  # this process has lost its device
            said = "%s lanes could not be measured together; each is measured alone"
            logging.getLogger(__name__).warning(said, len(lanes), exc_info=error)
            release_memory()
            return
        for lane, rows in zip(lanes, found, strict=True):
            lane.run.know(rows)
            lane.clock.add((time.monotonic() - began) / len(lanes))

    def _tried(self, lane: Lane, act: Callable[[], Outcome | None]) -> None:
        try:
            with lane.clock.running():
                outcome = act()
        except DivergedError as error:
            outcome = Outcome(Ending.DIVERGED, lane.run.cost(), str(error))
        except Exception as error:
            if isinstance(error, torch.AcceleratorError):
                raise  # this process has lost its device
            self._leave(lane)
            lane.entry.fail(error)
            return
        if outcome is not None:
            self._leave(lane)
            lane.entry.end(outcome)

    def _leave(self, lane: Lane) -> None:
        self._lanes.remove(lane)
        lane.run.trainer = None
        if self._lanes:
            release_memory()

    def _end_all(self, error: Exception) -> None:
        """After an error that may be any lane's: a lone trial has failed, several go on alone."""
        lanes, self._lanes = self._lanes, []
        if len(lanes) > 1:
            said = "a pass over %s lanes failed; their trials go on alone"
            logging.getLogger(__name__).warning(said, len(lanes), exc_info=error)
        for lane in lanes:
            if len(lanes) == 1:
                lane.entry.fail(error)
            else:
                lane.entry.go_alone(None)

    def _shrink(self, shares: Sequence[Share], error: Exception) -> None:
        """After an out-of-memory error: all begin their steps again, with half the tokens."""
        for lane in self._lanes:
            lane.restart_step()
        release_memory()
        rows = sum(share.rows for share in shares)
        if rows > len(shares[0].items[0].sequences):
            width = max(item.width for share in shares for item in share.items)
            self._budget = max(1, width * rows // 2)
        elif len(self._lanes) > 1:
            for lane in list(self._lanes[1:]):
                self._leave(lane)
                lane.entry.go_alone(None)
        else:
            (lane,) = self._lanes
            self._leave(lane)
            words = f"does not fit into memory even with a micro-batch of 1: {error}"
            lane.entry.end(Outcome(Ending.INFEASIBLE, lane.run.cost(), words))

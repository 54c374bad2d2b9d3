"""Finds a slot's number of lanes: what a lane takes of memory, and what more of them gain.

Passes over copies of a lane, with its own rows; their gradients are dropped, and no trial can tell.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from trainables.lanes.adapter import Adapter
from trainables.lanes.base_pass import BasePass
from trainables.lanes.lane import Item, Lane
from trainables.lanes.ledger import Ledger, held_by
from trainables.lanes.limits import AutoLanes, LaneLimits
from trainables.lanes.tick import Parts, Share
from trainables.planning.live_bytes import LiveBytes
from trainables.planning.paying import ROUNDS, paying
from trainables.training.memory import free_memory, is_out_of_memory, release_memory

GAIN = 1.15
"""What twice as many lanes must do to tokens per second, times what a trial is worth to the search
with so many. Less may be chance: on a busy machine, passes of the quickstart's trials were found to
gain 1.0 to 1.1."""

_TWICE = 2.5
"""Two lanes are tried if so many times the memory of one is free."""


def limits_of(forward: BasePass, lane: Lane, auto: AutoLanes) -> LaneLimits:
    """How many lanes like this one fit, and up to how many of them pay."""
    probe = Probe(forward, lane)
    try:
        fit = _fitting(probe, free_memory(forward.device), held_by(lane.adapter, lane.config))
        most = min(fit, auto.most)
        pay = paying(probe.seconds, most, GAIN, worth=auto.worth) if most > 1 else 1
        gain = _gain(probe, pay) if pay > 1 else None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        fit, pay, gain = 1, 1, None
    finally:
        probe.clear()
    return LaneLimits(fit, pay, pay * probe.tokens, gain)


def _gain(probe: Probe, lanes: int) -> float:
    """How many times the tokens a second of one lane so many do, each at its fastest."""
    alone = min(probe.seconds(1) for _ in range(ROUNDS))
    return lanes * alone / min(probe.seconds(lanes) for _ in range(ROUNDS))


def _fitting(probe: Probe, free: int, held: int) -> int:
    one = probe.bytes(1)
    if _TWICE * one > free:
        return 1  # on a host, trying could end the process
    two = probe.bytes(2)
    return Ledger(free, max(0, 2 * one - two), two - one, held).fit


class Probe:
    """Passes over copies of a lane. `tokens` are those of one lane's rows, padding included."""

    def __init__(self, forward: BasePass, lane: Lane) -> None:
        self._forward, self._lane = forward, lane
        self._items = tuple(lane.left[: lane.plan.micro_batch_size])
        self._copies: list[Adapter] = []
        width = max(item.width for item in self._items)
        self.tokens = width * sum(len(item.sequences) for item in self._items)

    def bytes(self, count: int) -> int:
        """What a pass with so many lanes takes at its peak, each with its longest rows."""
        longest = [self._lane.longest()] * len(self._items)
        meter = LiveBytes()
        with meter:
            self._pass(count, longest)
        return meter.peak

    def seconds(self, count: int) -> float:
        """The time of a pass with so many lanes; on a CPU without that of other programs."""
        on_gpu = self._forward.device.type == "cuda"
        clock = time.perf_counter if on_gpu else time.thread_time
        self._settle()
        began = clock()
        self._pass(count, self._items)
        self._settle()
        return clock() - began

    def clear(self) -> None:
        """Give the memory of the copies back."""
        self._copies.clear()
        release_memory()

    def _pass(self, count: int, items: Sequence[Item]) -> None:
        while len(self._copies) < count:
            self._copies.append(self._lane.adapter.copy())
        copies = self._copies[:count]
        self._forward([Share(self._lane, tuple(items))] * count, copies, self._losses)
        for each in copies:
            each.drop_gradients()

    def _losses(
        self, outputs: torch.Tensor, parts: Parts, spans: list[slice]
    ) -> list[torch.Tensor]:
        reduced = self._lane.loss.reduced
        items = 1 if self._lane.loss.per_token else None
        return [
            reduced(outputs[span], part, items)
            for span, part in zip(spans, parts.lanes, strict=True)
        ]

    def _settle(self) -> None:
        if self._forward.device.type == "cuda":
            torch.cuda.synchronize(self._forward.device)

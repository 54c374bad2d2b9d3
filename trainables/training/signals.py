"""Signals among a trial's ranks after each step, without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from trainables.core import ranks


class Heard(NamedTuple):
    """The known state after a step: the flags set by any rank after `step` (this or an earlier
    one), and the step at which any rank's loss was not finite, if any."""

    step: int
    diverged_at: int | None
    flags: tuple[bool, ...]


class Signals:
    """After each step the ranks receive the signals of the step before.

    Reading a step's loss waits until the device has finished the step, which leaves it idle until
    the next one is queued. So the loss is read one step later, or at once when the device is waited
    for anyway. A single process knows its own flags at once.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._said: _Said | None = None

    def after(self, step: int, diverged: torch.Tensor, flags: Sequence[bool], now: bool) -> Heard:
        """Send this rank's flags after `step` and return what is known; all ranks call it.

        `diverged` is on the device and is read only if `now` is set, which holds for all ranks.
        """
        said = _Said(step, diverged, flags, self._device)
        earlier, self._said = self._said, said
        heard = [(each.step, each.read()) for each in (earlier, said if now else None) if each]
        diverged_at = next((at for at, (bad, *_) in heard if bad), None)
        if ranks.world_size() == 1:
            return Heard(step, diverged_at, tuple(flags))
        read = [those[1:] for _, those in heard]
        agreed = tuple(any(those[place] for those in read) for place in range(len(flags)))
        return Heard(heard[-1][0] if heard else 0, diverged_at, agreed)


class _Said:
    """The flags of all ranks after one step, on their way from the device to the host."""

    def __init__(
        self, step: int, diverged: torch.Tensor, flags: Sequence[bool], device: torch.device
    ) -> None:
        self.step = step
        queued = device.type == "cuda"
        own = torch.tensor([False, *flags], dtype=torch.float32, pin_memory=queued)
        told = own.to(device, non_blocking=True)
        told[0] = diverged
        ranks.max_over_ranks(told)
        self._host = told
        self._copied: torch.cuda.Event | None = None
        if queued:
            self._host = torch.empty_like(own, pin_memory=True)
            self._host.copy_(told, non_blocking=True)
            self._copied = torch.cuda.current_stream(device).record_event()

    def read(self) -> list[bool]:
        """Whether any rank's loss was not finite, and each flag; waits until they are known."""
        if self._copied:
            self._copied.synchronize()
        return [value > 0 for value in self._host.tolist()]

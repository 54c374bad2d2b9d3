"""How a slot looks after its trials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.slots.slot_storage import SlotStorage


@dataclass(frozen=True)
class Safeguards:
    """What keeps a trial's work and ends a trial that hangs.

    A checkpoint is written every so many seconds of training, and a process is ended in which
    nothing has moved for `trial_timeout` seconds (None: never). Where nodes share no folder, all
    files go through `storage`.
    """

    checkpoint_seconds: float = 300.0
    trial_timeout: float | None = None
    storage: SlotStorage | None = None

    @property
    def hangs_after(self) -> float | None:
        """Seconds after which nothing can be waited for any more, not even for storage."""
        if self.trial_timeout is None or self.storage is None:
            return self.trial_timeout
        return self.trial_timeout + self.storage.sweep.patience

    def of(self, slot: str) -> Safeguards:
        """As this slot takes it."""
        return replace(self, storage=self.storage.of(slot)) if self.storage else self

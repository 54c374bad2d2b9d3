"""A slot's protection of its trials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.slots.slot_storage import SlotStorage


@dataclass(frozen=True)
class Safeguards:
    """Settings that preserve a trial's work and end a trial that hangs.

    A checkpoint is written every `checkpoint_seconds` of training; a process without progress for
    `trial_timeout` seconds is ended (None: never). If nodes share no folder, all files go through
    `storage`.
    """

    checkpoint_seconds: float = 300.0
    trial_timeout: float | None = None
    storage: SlotStorage | None = None

    @property
    def hangs_after(self) -> float | None:
        """Seconds without progress after which a process hangs, waits for storage included."""
        if self.trial_timeout is None or self.storage is None:
            return self.trial_timeout
        return self.trial_timeout + self.storage.sweep.patience

    def of(self, slot: str) -> Safeguards:
        """The safeguards of this slot."""
        return replace(self, storage=self.storage.of(slot)) if self.storage else self

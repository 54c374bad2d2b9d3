"""Overlap between measured and training sets."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """Number of a set's `records` that are also trained on, and `where`."""

    shared: int
    records: int
    where: str = "the train files"

    @classmethod
    def of(
        cls,
        measured: Collection[Hashable],
        learned: Collection[Hashable],
        where: str = "the train files",
    ) -> Overlap:
        """Count the overlap by the keys of equal records."""
        known = set(learned)
        return cls(sum(each in known for each in measured), len(measured), where)

    def note(self, name: str) -> str:
        """A note on the named set."""
        return f"{self.shared:,} of {self.records:,} {name} records are also in {self.where}"

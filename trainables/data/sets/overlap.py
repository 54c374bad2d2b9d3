"""What a set that is measured shares with what is learned from."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many of a set's `records` are learned from as well, and `where` they are found."""

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
        """Count by whatever makes two records the same."""
        known = set(learned)
        return cls(sum(each in known for each in measured), len(measured), where)

    def note(self, name: str) -> str:
        """A remark on the set of that name."""
        return f"{self.shared:,} of {self.records:,} {name} records are also in {self.where}"

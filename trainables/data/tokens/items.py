"""What a trial's records have become just before they are shared out among its sets."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainables.data.records.records import Record
from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import TokenSequence

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Item:
    """One example. Those of one `group` stay on one side; equal `identity` means a duplicate.

    Both are digests, as `key` and `digest` make them: a data set's tokens are held only once.
    `stratum` is the class that each side should have its share of; `cut` says that the record was
    longer than the example; `where` is its place.
    """

    example: Example
    identity: bytes
    group: bytes
    where: str
    stratum: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """A record that is left out."""

    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Made:
    """What became of the records of one file."""

    items: tuple[Item, ...] = ()
    drops: tuple[Drop, ...] = ()

    @property
    def truncated(self) -> int:
        """How many of the items were cut."""
        return sum(item.cut for item in self.items)


def usable(records: Iterable[R]) -> tuple[list[R], list[Drop]]:
    """The records that something can be learned from, and the others with their reasons."""
    kept: list[R] = []
    drops: list[Drop] = []
    for record in records:
        reason = record.reason_to_drop()
        if reason is None:
            kept.append(record)
        else:
            drops.append(Drop(reason, record.where))
    return kept, drops


def counted(drops: Sequence[Drop]) -> dict[str, int]:
    """How many records were left out, by reason, in the order of their first ones."""
    return dict(Counter(drop.reason for drop in drops))


def firsts(drops: Sequence[Drop]) -> dict[str, str]:
    """Where the first record stands that was left out, by reason."""
    found = {drop.reason: drop.where for drop in reversed(drops)}
    return {reason: found[reason] for reason in counted(drops)}


def key(*sequences: TokenSequence) -> bytes:
    """What two examples of the same tokens and targets have in common, and no others."""
    return digest(*(part.tobytes() for sequence in sequences for part in sequence))


def digest(*parts: bytes) -> bytes:
    """16 bytes that stand for the parts: equal for equal parts in the same order."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        # The length keeps one part's end from being taken for the next one's beginning.
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()

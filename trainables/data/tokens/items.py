"""Items: a trial's processed records, just before the split into sets."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Conversation
from trainables.data.records.records import Record
from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import TokenSequence

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Item:
    """One example. Those of one `group` stay on one side; equal `identity` means a duplicate.

    Both are digests from `key` and `digest`, so a data set's tokens are held only once. `stratum`
    is the class, for splits in proportion; `cut` means that the record was longer than the example;
    `where` is its place; `chat` is the record, where answers can be generated.
    """

    example: Example
    identity: bytes
    group: bytes
    where: str
    stratum: int = 0
    cut: bool = False
    chat: Conversation | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """A record left out; `needs` is the least max_length that would keep it, 0 if none would.

    A `fault` is an error, unless bad rows are skipped.
    """

    reason: str
    where: str
    needs: int = 0
    fault: DataError | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Made:
    """The items and drops from the records of one file.

    `remarks` count the chats that were rendered in an unusual way (see rendering/remarks.py).
    """

    items: tuple[Item, ...] = ()
    drops: tuple[Drop, ...] = ()
    remarks: Mapping[str, int] = field(default_factory=dict)

    @property
    def truncated(self) -> int:
        """Number of cut items."""
        return sum(item.cut for item in self.items)


def usable(records: Iterable[R]) -> tuple[list[R], list[Drop]]:
    """The records useful for training, and the others with their reasons."""
    kept: list[R] = []
    drops: list[Drop] = []
    for record in records:
        reason = record.reason_to_drop()
        if reason is None:
            kept.append(record)
        else:
            drops.append(Drop(reason, record.where))
    return kept, drops


def faulty(where: str, fault: DataError) -> Drop:
    """The record there, left out for its fault."""
    return Drop(fault.reason, where, fault=fault)


def check_faults(drops: Iterable[Drop]) -> None:
    """The error of the first record with a fault, if there is one."""
    for drop in drops:
        if drop.fault:
            message = f"{drop.fault}; --skip-bad-rows skips such rows"
            raise DataError(message, drop.reason) from drop.fault


def counted(drops: Sequence[Drop]) -> dict[str, int]:
    """Number of records left out, by reason, in order of first appearance."""
    return dict(Counter(drop.reason for drop in drops))


def firsts(drops: Sequence[Drop]) -> dict[str, str]:
    """Place of the first record left out, by reason."""
    found = {drop.reason: drop.where for drop in reversed(drops)}
    return {reason: found[reason] for reason in counted(drops)}


def key(*sequences: TokenSequence) -> bytes:
    """A key that is equal only for examples with the same tokens and targets."""
    return digest(*(part.tobytes() for sequence in sequences for part in sequence))


def digest(*parts: bytes) -> bytes:
    """16-byte digest of the parts: equal for equal parts in the same order."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        # The length marks where one part ends and the next begins.
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()

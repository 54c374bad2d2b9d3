"""One record as it was written, and what becomes of those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from trainables.core.data_error import DataError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A record and where it stands ("chats.jsonl line 3"); lines and rows count from 1."""

    where: str
    value: object

    @property
    def fields(self) -> Mapping[str, object]:
        """Its fields, by name. For whoever knows that it is an object."""
        assert isinstance(self.value, dict), "a row with fields"
        return self.value


@dataclass(frozen=True, slots=True)
class Rows:
    """All records of one file, and what its owner should know about how they were read."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was skipped: where it stands, what it is counted as, and the whole message."""

    where: str
    reason: str
    message: str

    @property
    def number(self) -> int:
        """Of its line or row; 0 where its place has none."""
        last = self.where.rsplit(" ", 1)[-1]
        return int(last) if last.isdecimal() else 0


class Sieve:
    """What rows of one file that cannot be used fall into: an error, or `bad` if they are skipped.

    One sieve goes through all stages in which a file is read.
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.bad: list[BadRow] = []

    def put(self, where: str, error: DataError) -> None:
        """Note the row's error, or raise it with the other way out."""
        if not self.skip:
            raise DataError(f"{error}; --skip-bad-rows skips such rows", error.reason) from error
        self.bad.append(BadRow(where, error.reason, str(error)))

    def check_left(self, place: object, rows: int) -> None:
        """DataError where all rows have been put in here."""
        if not rows and self.bad:
            raise DataError(
                f"{place}: all of its {len(self.bad):,} rows are bad; {self.bad[0].message}"
            )


def sifted(rows: Iterable[Row], make: Callable[[Row], T], sieve: Sieve) -> Iterator[T]:
    """What `make` makes of each row; a row of which it raises DataError goes into the sieve."""
    for row in rows:
        try:
            made = make(row)
        except DataError as error:
            sieve.put(row.where, error)
        else:
            yield made

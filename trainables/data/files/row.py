"""One record as written in its file, and the handling of unusable ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from trainables.core.data_error import DataError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A record and its place ("chats.jsonl line 3"); lines and rows count from 1."""

    where: str
    value: object

    @property
    def fields(self) -> Mapping[str, object]:
        """Its fields, by name. Only for rows known to be objects."""
        assert isinstance(self.value, dict), "a row with fields"
        return self.value


@dataclass(frozen=True, slots=True)
class Rows:
    """All records of one file, and notes for the user about reading them."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A skipped row: its place, the reason it is counted under, and the whole message."""

    where: str
    reason: str
    message: str

    @property
    def number(self) -> int:
        """Number of its line or row; 0 if its place has none."""
        last = self.where.rsplit(" ", 1)[-1]
        return int(last) if last.isdecimal() else 0


class Sieve:
    """Collector of one file's unusable rows: raises an error, or adds to `bad` if skipping.

    One sieve goes through all stages of reading a file.
    """

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.bad: list[BadRow] = []

    def put(self, where: str, error: DataError) -> None:
        """Record the row's error, or raise it with skipping as the alternative."""
        if not self.skip:
            raise DataError(f"{error}; --skip-bad-rows skips such rows", error.reason) from error
        self.bad.append(BadRow(where, error.reason, str(error)))

    def check_left(self, place: object, rows: int) -> None:
        """DataError if every row was bad."""
        if not rows and self.bad:
            raise DataError(
                f"{place}: all of its {len(self.bad):,} rows are bad; {self.bad[0].message}"
            )


def sifted(rows: Iterable[Row], make: Callable[[Row], T], sieve: Sieve) -> Iterator[T]:
    """The result of `make` for each row; rows that raise DataError go into the sieve."""
    for row in rows:
        try:
            made = make(row)
        except DataError as error:
            sieve.put(row.where, error)
        else:
            yield made

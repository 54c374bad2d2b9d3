"""Rows that cannot be used: an error, or left out and counted, as `data.bad_rows` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from trainables.config.data import BadRows
from trainables.core.data_error import DataError
from trainables.data.files.row import Row

T = TypeVar("T")

HARMLESS = frozenset(
    {"chosen equals rejected", "empty answer", "empty question", "no answer", "text too long"}
)
"""Reasons of single rows that teach nothing; all others may mean that the file is misread."""

FEW = 100
"""`few`: at most one in so many rows is left out, so none of a file with fewer rows."""

_SKIPS = "--skip-bad-rows skips such rows"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row left out: its place, the reason it is counted under, and the whole message."""

    where: str
    reason: str
    message: str

    @property
    def number(self) -> int:
        """Number of its line or row; 0 if its place has none."""
        last = self.where.rsplit(" ", 1)[-1]
        return int(last) if last.isdecimal() else 0


class Sieve:
    """Collector of one file's unusable rows: raises an error, or adds to `bad`.

    One sieve goes through all stages of reading a file.
    """

    def __init__(self, policy: BadRows = "strict") -> None:
        self.policy = policy
        self.bad: list[BadRow] = []

    @property
    def skips(self) -> bool:
        """Whether any bad row is left out, whatever its fault."""
        return self.policy == "skip"

    def put(self, where: str, error: DataError) -> None:
        """Leave the row out, or raise its error with skipping as the alternative."""
        if not self.skips and (self.policy == "strict" or error.reason not in HARMLESS):
            raise DataError(f"{error}; {_SKIPS}", error.reason) from error
        self.bad.append(BadRow(where, error.reason, str(error)))

    def check_few(self, rows: int) -> None:
        """DataError, with the first bad row, if more than a few of `rows` are left out."""
        if self.skips or len(self.bad) * FEW <= rows:
            return
        reasons = Counter(row.reason for row in self.bad)
        counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        raise DataError(
            f"{self.bad[0].message}; such rows ({counts}, of {rows:,} rows) are left out "
            f"up to {1 / FEW:.0%} of a file; {_SKIPS}",
            self.bad[0].reason,
        )

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

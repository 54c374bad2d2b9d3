"""Reasons for failed trials; a shared reason is shown once. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from results.ranking.winners import reason
from results.records.record import TrialRecord, TrialStatus

_MOST_RUNS = 12
"""Numbers, or runs of numbers, listed for one reason."""

TROUBLE = (TrialStatus.FAILED, TrialStatus.INFEASIBLE, TrialStatus.DIVERGED)


def grouped(reasons: Iterable[tuple[int, str]]) -> list[str]:
    """`trial 7: why`, `40 trials (0 to 38, 41): why`, in the order of each reason's first trial."""
    numbers: dict[str, list[int]] = {}
    for number, why in reasons:
        numbers.setdefault(_alike(number, why), []).append(number)
    return [f"{numbered(alike)}: {why}" for why, alike in numbers.items()]


def troubles(records: Iterable[TrialRecord], metric: str) -> list[str]:
    """The reasons of failed, diverged and infeasible trials."""
    return grouped((r.number, reason(r, metric)) for r in records if r.status in TROUBLE)


def numbered(numbers: Sequence[int]) -> str:
    """`trial 3`, `trials 3 and 5`, `4 trials (3, 5 to 7)`."""
    if len(numbers) == 1:
        return f"trial {numbers[0]}"
    if len(numbers) == 2:
        return f"trials {numbers[0]} and {numbers[1]}"
    runs = _runs(sorted(numbers))
    listed = [_run(first, last) for first, last in runs[:_MOST_RUNS]]
    rest = sum(b - a + 1 for a, b in runs[_MOST_RUNS:])
    more = f" and {rest} more" if rest else ""
    return f"{len(numbers)} trials ({', '.join(listed)}{more})"


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers without a gap."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def _run(first: int, last: int) -> str:
    return f"{first} to {last}" if last > first + 1 else ", ".join(map(str, sorted({first, last})))


def _alike(number: int, why: str) -> str:
    """The reason without the trial's folder, so that equal faults have equal messages."""
    return re.sub(rf"\btrials/{number:04d}\b", "trials/…", why)


class ToldReasons:
    """Remembers which trial's line gave a reason in full, for trials that end one by one."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}

    def tell(self, number: int, why: str) -> str:
        """The reason if it is new, else the trial that gave it."""
        first = self._first.setdefault(_alike(number, why), number)
        return why if first == number else f"as trial {first}"

"""One line of the report: the outcome of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.gpu.finding import Figure

OK = "ok"


@dataclass(frozen=True)
class Row:
    """`result` is "ok", "failed: REASON" or "not run: REASON"; checks of a `kind` share figures."""

    check: str
    kind: str
    result: str
    seconds: float = 0.0
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it ran and nothing was wrong."""
        return self.result == OK

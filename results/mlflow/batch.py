"""What is to be logged to runs, gathered until it is logged in one call for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from results.mlflow.metrics import Row


@dataclass(slots=True)
class Logged:
    """What a run gets in one call: rows of metrics, params and tags."""

    rows: list[Row] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Batch:
    """What runs are to get. A new run's tags are known, and not given to it again."""

    def __init__(self) -> None:
        self._logged: dict[str, Logged] = {}
        self._tags: dict[str, Mapping[str, str]] = {}

    def made(self, run_id: str, tags: Mapping[str, str]) -> None:
        """A run was created with these tags."""
        self._tags[run_id] = tags

    def add(
        self,
        run_id: str,
        rows: Sequence[Row],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """To be logged; a tag's last text counts."""
        logged = self._logged.setdefault(run_id, Logged())
        logged.rows += rows
        logged.params |= params
        logged.tags |= tags

    def taken(self) -> dict[str, Logged]:
        """All that is to be logged, by run; nothing is left."""
        for run_id, logged in self._logged.items():
            had = self._tags.pop(run_id, {})
            logged.tags = {tag: t for tag, t in logged.tags.items() if had.get(tag) != t}
        taken, self._logged = self._logged, {}
        return taken

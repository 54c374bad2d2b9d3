"""A change to the next sweep file, with the evidence for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

from search_spaces.dotted import without
from sweeps.spec.fields import changed
from sweeps.verdict.results import Results


@dataclass(frozen=True)
class Advice:
    """`title` says what was found, `evidence` the numbers behind it.

    `changes` are fields of the sweep file by dotted name, with their new values; `fixed` is a
    searched name that leaves the space with them. Without `changes`, `remedy` says what to do.
    """

    title: str
    evidence: str
    changes: Mapping[str, object] = field(default_factory=dict)
    fixed: str = ""
    remedy: str = ""

    @property
    def change(self) -> str:
        """The change as YAML, one line for each field, else the remedy in words."""
        lines = [_line(name, value) for name, value in self.changes.items()]
        if self.fixed:
            lines[-1] += f"   # in place of space.{self.fixed}"
        return "\n".join(lines) or self.remedy

    def applied(self, tree: Mapping[str, object]) -> dict[str, object]:
        """The sweep file with the changes."""
        done = dict(tree)
        if self.fixed:
            done = without(done, ["space", self.fixed])
        for name, value in self.changes.items():
            done = changed(done, name, value)
        return done


class Adviser(ABC):
    """One kind of advice. The linter finds an instance in each file of the room `kinds`."""

    name: ClassVar[str]

    @abstractmethod
    def look(self, results: Results) -> Iterator[Advice]:
        """What the records show; nothing if they show nothing, or too little to say."""


def _line(name: str, value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return f"{name}: {text.removesuffix('...' + chr(10)).strip()}"

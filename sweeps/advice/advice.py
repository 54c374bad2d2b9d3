"""A change to the next sweep file, with the evidence for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import yaml

from sweeps.verdict.results import Results


@dataclass(frozen=True)
class Advice:
    """`title` says what was found, `evidence` the numbers behind it.

    `changes` are fields of the sweep file by dotted name, with their new values. They may be empty
    if there is nothing to change in the file; `remedy` then says what to do.
    """

    title: str
    evidence: str
    changes: Mapping[str, object] = field(default_factory=dict)
    remedy: str = ""

    @property
    def change(self) -> str:
        """The change as lines of YAML, else the remedy in words."""
        return "\n".join(map(_line, self.changes, self.changes.values())) or self.remedy


class Adviser(ABC):
    """One kind of advice. The linter finds an instance in each file of the room `kinds`."""

    name: ClassVar[str]

    @abstractmethod
    def look(self, results: Results) -> Iterator[Advice]:
        """What the records show; nothing if they show nothing, or too little to say."""


def _line(name: str, value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return f"{name}: {text.removesuffix('...' + chr(10)).strip()}"

"""What became of the records, for people and for the trial's record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from trainables.data.sets.overlap import Overlap
from trainables.data.tokens.examples import Example, FloatArray


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many rows of a file were read, and how many were dropped, by reason.

    `first_dropped` says where the first row stands that was dropped for each reason.
    """

    name: str
    format: str
    rows: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    first_dropped: Mapping[str, str] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """The rows that something is learned from or measured on."""
        return self.rows - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class Side:
    """The size of one set; targets are the tokens that are scored by themselves.

    `labels` counts the examples of each label; `rewards` are least, mean and largest one. `packs`
    are the sequences that the examples are packed into, 0 where each is one of its own.
    """

    examples: int
    sequences: int
    tokens: int
    targets: int
    labels: Mapping[str, int] = field(default_factory=dict)
    rewards: tuple[float, float, float] | None = None
    packs: int = 0

    @classmethod
    def of(cls, examples: Sequence[Example], labels: Sequence[str] = ()) -> Side:
        """Count the examples; `labels` are the names of what their labels stand for."""
        sequences = [sequence for example in examples for sequence in example.sequences]
        given = np.array([example.label for example in examples])
        rated = not labels and len(given) > 0 and not np.isnan(given).any()
        return cls(
            examples=len(examples),
            sequences=len(sequences),
            tokens=sum(len(sequence.tokens) for sequence in sequences),
            targets=sum(int(sequence.targets.sum()) for sequence in sequences),
            labels=_named(given, labels),
            rewards=(given.min(), given.mean(), given.max()) if rated else None,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """How many records were read, what they became, and what was left out and why.

    `sets` are train and validation and, where there are such, test, general and mix. `overlaps` are
    of those that are measured and share something with what is learned from.
    """

    sets: Mapping[str, Side]
    max_length: int
    files: tuple[FileCounts, ...] = ()
    duplicates: int = 0
    truncated: int = 0
    labels: tuple[str, ...] = ()
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def train(self) -> Side:
        """What is learned from."""
        return self.sets["train"]

    @property
    def validation(self) -> Side:
        """What trials are compared on."""
        return self.sets["validation"]

    @property
    def format(self) -> str:
        """The formats of all files."""
        return " + ".join(dict.fromkeys(file.format for file in self.files))

    @property
    def records(self) -> int:
        """The rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def dropped(self) -> dict[str, int]:
        """How many rows of all files were dropped, by reason."""
        return dict(sum((Counter(file.dropped) for file in self.files), Counter()))

    @property
    def first_dropped(self) -> dict[str, str]:
        """Where the first row stands that was dropped, by reason."""
        found: dict[str, str] = {}
        for file in self.files:
            found = {**file.first_dropped, **found}
        return {reason: found[reason] for reason in self.dropped}

    @property
    def packing(self) -> tuple[str, ...]:
        """How full the sequences of each packed set are, in words."""
        return tuple(
            f"{name}: {_counted(side.examples, 'example')} packed into "
            f"{_counted(side.packs, 'sequence')} of at most {self.max_length:,} tokens, "
            f"{side.tokens / (side.packs * self.max_length):.0%} full"
            for name, side in self.sets.items()
            if side.packs
        )

    def with_packs(self, packs: Mapping[str, Sized]) -> Summary:
        """The summary of sets of which some are packed."""
        packed = {name: replace(self.sets[name], packs=len(each)) for name, each in packs.items()}
        return replace(self, sets={**self.sets, **packed})

    def describe(self) -> str:
        """Two lines for a terminal, and more for what was dropped and for the notes."""
        lost = [f"{count:,} dropped ({reason})" for reason, count in self.dropped.items()]
        facts = [f"{_counted(self.records, 'record')} ({self.format})", *lost]
        facts += [_counted(self.duplicates, "duplicate")] if self.duplicates else []
        facts += [f"{self.truncated:,} cut"] if self.truncated else []
        sizes = [f"{name} {_size(side)}" for name, side in self.sets.items()]
        size = f"{'; '.join(sizes)}; at most {self.max_length:,} tokens each"
        first = [f"first dropped ({reason}): {at}" for reason, at in self.first_dropped.items()]
        return "\n".join([", ".join(facts), size, *self.packing, *first, *self.notes])

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Summary:
        """Read what `save` wrote."""
        return TypeAdapter(cls).validate_json(path.read_bytes())


def _named(labels: FloatArray, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    counts = np.bincount(labels.astype(int), minlength=len(names)).tolist()
    return dict(zip(names, counts, strict=True))


def _size(side: Side) -> str:
    examples = [_counted(side.examples, "example")] if side.examples < side.sequences else []
    sizes = [_counted(side.sequences, "sequence"), _counted(side.tokens, "token")]
    scored = [f"{side.targets:,} of them scored"] if side.targets else []
    return ", ".join([*examples, *sizes, *scored])


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""Summary of the prepared data, for people and for the trial's record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from trainables.data.sets.overlap import Overlap
from trainables.data.tokens.examples import Example, FloatArray, MarkArray, label_array
from trainables.objectives.classification import Target


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Number of rows read from a file, and numbers of dropped rows, by reason.

    `first_dropped` is the place of the first dropped row, by reason; `adjusted` are the numbers of
    rows read with an allowance, by what was allowed.
    """

    name: str
    format: str
    rows: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    first_dropped: Mapping[str, str] = field(default_factory=dict)
    adjusted: Mapping[str, int] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """Number of rows for training or measuring."""
        return self.rows - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class Side:
    """The size of one set; targets are the individually scored tokens.

    `labels` counts the examples of each label; `rewards` are minimum, mean and maximum, of a
    regression's numbers too. `packs` is the number of packed sequences, 0 without packing.
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
        """Count the examples; `labels` are the names of their labels."""
        sequences = [sequence for example in examples for sequence in example.sequences]
        given = label_array(examples)
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
    """Counts of records read, examples made, and records left out, by reason.

    `sets` are train, validation and, if present, test, general and mix. `overlaps` are those
    between measured and training sets. `target` is what a classifier predicts.
    """

    sets: Mapping[str, Side]
    max_length: int
    files: tuple[FileCounts, ...] = ()
    duplicates: int = 0
    truncated: int = 0
    labels: tuple[str, ...] = ()
    target: Target | None = None
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def train(self) -> Side:
        """The training set."""
        return self.sets["train"]

    @property
    def validation(self) -> Side:
        """The set for comparing trials."""
        return self.sets["validation"]

    @property
    def format(self) -> str:
        """The formats of all files."""
        return " + ".join(dict.fromkeys(file.format for file in self.files))

    @property
    def records(self) -> int:
        """Number of rows in all files."""
        return sum(file.rows for file in self.files)

    @property
    def dropped(self) -> dict[str, int]:
        """Number of dropped rows in all files, by reason."""
        return dict(sum((Counter(file.dropped) for file in self.files), Counter()))

    @property
    def adjusted(self) -> dict[str, int]:
        """Number of rows of all files read with an allowance, by what was allowed."""
        return dict(sum((Counter(file.adjusted) for file in self.files), Counter()))

    @property
    def first_dropped(self) -> dict[str, str]:
        """Place of the first dropped row, by reason."""
        found: dict[str, str] = {}
        for file in self.files:
            found = {**file.first_dropped, **found}
        return {reason: found[reason] for reason in self.dropped}

    @property
    def packing(self) -> tuple[str, ...]:
        """Fill of the sequences of each packed set, in words."""
        return tuple(
            f"{name}: {_counted(side.examples, 'example')} packed into "
            f"{_counted(side.packs, 'sequence')} of at most {self.max_length:,} tokens, "
            f"{side.tokens / (side.packs * self.max_length):.0%} full"
            for name, side in self.sets.items()
            if side.packs
        )

    def with_packs(self, packs: Mapping[str, Sized]) -> Summary:
        """The summary with the numbers of packed sequences."""
        packed = {name: replace(self.sets[name], packs=len(each)) for name, each in packs.items()}
        return replace(self, sets={**self.sets, **packed})

    def describe(self) -> str:
        """Two lines for a terminal, and more for dropped rows and notes."""
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
        """Read a file from `save`."""
        return TypeAdapter(cls).validate_json(path.read_bytes())


def _named(labels: FloatArray | MarkArray, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    if labels.ndim > 1:
        counts = labels.sum(axis=0).tolist()
    else:
        counts = np.bincount(labels.astype(int), minlength=len(names)).tolist()
    return dict(zip(names, counts, strict=True))


def _size(side: Side) -> str:
    examples = [_counted(side.examples, "example")] if side.examples < side.sequences else []
    sizes = [_counted(side.sequences, "sequence"), _counted(side.tokens, "token")]
    scored = [f"{side.targets:,} of them scored"] if side.targets else []
    return ", ".join([*examples, *sizes, *scored])


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

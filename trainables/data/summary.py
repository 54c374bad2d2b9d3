"""What became of the records, for people and for the trial's record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainables.data.sequences import TokenSequence


@dataclass(frozen=True, slots=True)
class Side:
    """The size of one side of the split; targets are the tokens that are scored."""

    sequences: int
    tokens: int
    targets: int

    @classmethod
    def of(cls, sequences: Sequence[TokenSequence]) -> Side:
        """Count the sequences."""
        tokens = sum(len(sequence.tokens) for sequence in sequences)
        targets = sum(int(sequence.targets.sum()) for sequence in sequences)
        return cls(len(sequences), tokens, targets)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many records were read, what they became, and what was left out and why."""

    format: str
    records: int
    train: Side
    validation: Side
    max_length: int
    duplicates: int = 0
    truncated: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Two lines for a terminal, and one more for each note."""
        lost = [f"{count:,} dropped ({reason})" for reason, count in self.dropped.items()]
        facts = [f"{_counted(self.records, 'record')} ({self.format})", *lost]
        facts += [_counted(self.duplicates, "duplicate")] if self.duplicates else []
        facts += [f"{self.truncated:,} cut"] if self.truncated else []
        sizes = (
            f"train {_size(self.train)}; validation {_size(self.validation)}; "
            f"at most {self.max_length:,} tokens each"
        )
        return "\n".join([", ".join(facts), sizes, *self.notes])

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Summary:
        """Read what `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        sides = {name: Side(**fields[name]) for name in ("train", "validation")}
        return cls(**{**fields, **sides, "notes": tuple(fields["notes"])})


def _size(side: Side) -> str:
    sequences, tokens = _counted(side.sequences, "sequence"), _counted(side.tokens, "token")
    return f"{sequences}, {tokens}, {side.targets:,} of them scored"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

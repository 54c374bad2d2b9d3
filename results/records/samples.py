"""Generated answers that a model left on disk, to be read side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from results.records.record_error import RecordError
from results.records.record_value import Record

SAMPLES = "answers/samples.jsonl"
"""In the folder of a trial, or of the base."""


class SampleRecord(Record):
    """One answer to a prompt of the validation set; `values` are the metrics' values of it.

    `reference` is the first of the right answers.
    """

    prompt_number: int
    prompt: str
    answer: str
    reference: str
    references: tuple[str, ...] = ()
    tokens: int
    ended: bool
    values: dict[str, float]

    def row(self) -> dict[str, object]:
        """The sample without nesting, for a table."""
        return {**self.model_dump(exclude={"values", "references"}), **self.values}


def read_samples(path: Path) -> Sequence[SampleRecord]:
    """The samples in a JSONL file; empty if there is none. RecordError names a bad file."""
    try:
        # Not splitlines(): JSON strings may hold U+2028 and the like, which do not end a line.
        lines = path.read_text(encoding="utf-8").split("\n")
        return [SampleRecord.model_validate_json(line) for line in lines if line]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise RecordError(f"{path}: not readable as samples: {error}") from error

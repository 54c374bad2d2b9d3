"""Prompts and references of a measured set, beside its examples on disk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import IntArray, Sequences, TokenSequence
from trainables.data.tokens.sequences import write as write_sequences

FOLDER = "prompts"
"""In the folder of a set."""

_RECORDS = "records.jsonl"


MOST_SAMPLES = 20
"""Prompts of a set whose answers are kept to be read."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """The ids that the model is given, the last message in them as text, and right answers, if any.

    `looked_up` is the number of examples or passages in it; `record` has the columns that are no
    part of the chat, where they are kept.
    """

    tokens: IntArray
    question: str
    references: tuple[str, ...]
    looked_up: int = 0
    record: Mapping[str, object] = field(default_factory=dict)


class Asked(Protocol):
    """Prompts to which answers are generated; `stops` are the ids that end an answer."""

    stops: tuple[int, ...]

    def chosen(self, most: int, seed: int, texts: Sequence[str] = ()) -> list[int]:
        """The numbers of `most` prompts, or of all: those with one of the texts in them, at most
        MOST_SAMPLES, and others drawn at random; always the same."""
        ...

    def asked(self, numbers: Sequence[int]) -> dict[int, Prompt]:
        """These prompts, by number."""
        ...


class Prompts:
    """Read access to the prompts of a set; `stops` are the ids that end an answer."""

    def __init__(self, set_folder: Path) -> None:
        folder = set_folder / FOLDER
        self._sequences = Sequences.open(folder)
        texts = json.loads((folder / "prompts.json").read_text(encoding="utf-8"))
        self.questions: list[str] = texts["questions"]
        self._references: list[list[str]] = texts["references"]
        self.stops: tuple[int, ...] = tuple(texts["stops"])
        self._records_file = folder / _RECORDS

    @property
    def answered(self) -> bool:
        """Whether each of them has a right answer."""
        return all(self._references)

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, number: int) -> Prompt:
        ids, record = self._sequences[number].tokens.astype(np.int64), self._records.get(number)
        references = tuple(self._references[number])
        known = json.loads(record or "{}")
        return Prompt(ids, self.questions[number], references, record=known)

    @cached_property
    def _records(self) -> Mapping[int, str]:
        """The records as JSON, one a line; none if they are not kept."""
        if not self._records_file.exists():
            return {}
        return dict(enumerate(self._records_file.read_text(encoding="utf-8").split("\n")))

    @property
    def lengths(self) -> IntArray:
        """Tokens of each prompt."""
        return self._sequences.lengths

    def asked(self, numbers: Sequence[int]) -> dict[int, Prompt]:
        """These prompts, by number."""
        return {number: self[number] for number in numbers}

    def longest(self, numbers: Iterable[int]) -> int:
        """The tokens of the longest of these prompts."""
        return int(self.lengths[[*numbers]].max())

    def chosen(self, most: int, seed: int, texts: Sequence[str] = ()) -> list[int]:
        """The numbers of `most` prompts, or of all: those with one of the texts in them, at most
        MOST_SAMPLES, and others drawn at random; always the same."""
        drawn = np.random.default_rng(seed).permutation(len(self)).tolist()
        named = [n for n, question in enumerate(self.questions) if has_text(question, texts)]
        return sorted([*dict.fromkeys((*named[:MOST_SAMPLES], *drawn))][:most])


class PromptExamples:
    """The prompts of a set as examples without targets."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, index: int) -> Example:
        return Example((_sequence(self._prompts[index]),), place=index)

    @property
    def lengths(self) -> IntArray:
        """Tokens of each prompt."""
        return self._prompts.lengths


def has_text(question: str, texts: Sequence[str]) -> bool:
    """Whether one of the texts is in a question, in capitals or small letters."""
    return any(text.casefold() in question.casefold() for text in texts)


def write_prompts(set_folder: Path, prompts: Sequence[Prompt], stops: Collection[int]) -> None:
    """Write at least one prompt beside the examples of a set."""
    folder = set_folder / FOLDER
    write_sequences(folder, map(_sequence, prompts))
    texts = {
        "questions": [each.question for each in prompts],
        "references": [each.references for each in prompts],
        "stops": sorted(stops),
    }
    (folder / "prompts.json").write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
    if any(each.record for each in prompts):
        # A date or another value that JSON lacks becomes a text.
        lines = (json.dumps(each.record, default=str) for each in prompts)
        (folder / _RECORDS).write_text("\n".join(lines), encoding="utf-8")


def _sequence(prompt: Prompt) -> TokenSequence:
    return TokenSequence(prompt.tokens.astype(np.int32), np.zeros(len(prompt.tokens), np.bool_))

"""Examples on disk: the units of an objective's steps, over a folder of token sequences.

An example is one sequence, or the two of a pair (chosen, then rejected), with a label and a weight.
A folder of sequences is a folder of examples, with files for pairs, labels and weights only if
needed: labels.npy (float64, one for each example, or bool, one for each of its possible labels),
weights.npy (float64), second.npy (int64) and `arity` in examples.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainables.core.atomic import publish
from trainables.data.tokens.sequences import IntArray, Sequences, TokenSequence, write_arrays

FloatArray = npt.NDArray[np.float64]
MarkArray = npt.NDArray[np.bool_]

LabelValue = float | MarkArray
"""One number, or whether each of several labels applies."""

BYTES = "bytes.npy"
"""The bytes of each example's targets as text; only in measured sets of text."""


class Example(NamedTuple):
    """`label` is a class's index, a number, marks of several labels, or 1 (good) and 0 (bad); NaN
    if there is none.

    `place` numbers the examples of the training set, then those of the validation set. `second` is
    where the second text of a pair begins, for models that tell them apart by token types; else 0.
    """

    sequences: tuple[TokenSequence, ...]
    label: LabelValue = float("nan")
    weight: float = 1.0
    place: int = 0
    second: int = 0


class Examples:
    """Read access to a folder from `write`; the tokens are memory-mapped."""

    def __init__(self, folder: Path, first_place: int = 0) -> None:
        self.folder = folder
        self._sequences = Sequences.open(folder)
        settings = folder / "examples.json"
        self.arity: int = json.loads(settings.read_text())["arity"] if settings.is_file() else 1
        count = len(self._sequences) // self.arity
        stored = _optional(folder / "labels.npy", count, np.nan)
        self.marks: MarkArray | None = stored.astype(np.bool_) if stored.ndim > 1 else None
        self.labels = stored if stored.ndim == 1 else np.full(count, np.nan)
        self.weights = _optional(folder / "weights.npy", count, 1.0)
        self._second = _optional(folder / "second.npy", count, 0).astype(np.int64)
        self.text_bytes = _optional(folder / BYTES, count, np.nan)
        self._first_place = first_place

    def __len__(self) -> int:
        return len(self._sequences) // self.arity

    def __getitem__(self, index: int) -> Example:
        first = index * self.arity
        sequences = tuple(self._sequences[first + offset] for offset in range(self.arity))
        label = float(self.labels[index]) if self.marks is None else self.marks[index]
        weight, second = float(self.weights[index]), int(self._second[index])
        return Example(sequences, label, weight, self._first_place + index, second)

    @property
    def lengths(self) -> IntArray:
        """Tokens of each example, in all its sequences."""
        lengths: IntArray = self._sequences.lengths.reshape(-1, self.arity).sum(axis=1)
        return lengths

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(self._sequences.lengths.max())


def write(folder: Path, examples: Iterable[Example]) -> None:
    """Write examples of one kind to a new folder, atomically; `place` follows from the order."""
    listed = list(examples)
    assert listed, "nothing to write"
    arity = len(listed[0].sequences)
    assert all(len(example.sequences) == arity for example in listed), "of one kind"

    def build(temporary: Path) -> None:
        write_arrays(temporary, [sequence for each in listed for sequence in each.sequences])
        (temporary / "examples.json").write_text(json.dumps({"arity": arity}), encoding="utf-8")
        np.save(temporary / "labels.npy", label_array(listed))
        np.save(temporary / "weights.npy", _floats([example.weight for example in listed]))
        if any(example.second for example in listed):
            np.save(temporary / "second.npy", np.array([each.second for each in listed]))

    publish(folder, build)


def label_array(examples: Sequence[Example]) -> FloatArray | MarkArray:
    """The labels: [examples], or marks [examples, labels]."""
    marks = [each.label for each in examples if isinstance(each.label, np.ndarray)]
    if marks:
        assert len(marks) == len(examples), "of one kind"
        return np.stack(marks)
    return _floats([each.label for each in examples if not isinstance(each.label, np.ndarray)])


def _optional(path: Path, count: int, default: float) -> FloatArray:
    if not path.is_file():
        return np.full(count, default)
    values: FloatArray = np.load(path)
    return values


def _floats(values: Sequence[float]) -> FloatArray:
    return np.asarray(values, dtype=np.float64)

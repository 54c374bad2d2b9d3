"""Token sequences on disk, memory-mapped: any number of trials and workers share one copy.

A folder holds tokens.npy (int32) and targets.npy (bool), both flat, offsets.npy (int64: the start
of each sequence, and the end of the last) and meta.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainables.core.atomic import publish
from trainables.core.data_error import DataError

VERSION = 1

TokenArray = npt.NDArray[np.int32]
TargetArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class TokenSequence(NamedTuple):
    """Token ids, and True for targets: tokens predicted from those before them, and scored.

    The first token is never a target, so the targets are exactly the terms of the loss.
    """

    tokens: TokenArray
    targets: TargetArray

    @classmethod
    def of(cls, tokens: Sequence[int], targets: Sequence[bool]) -> TokenSequence:
        """From plain lists of equal length."""
        assert len(tokens) == len(targets), "each token is a target or not"
        marks = np.array(targets, dtype=np.bool_)
        marks[:1] = False
        return cls(np.asarray(tokens, dtype=np.int32), marks)

    @property
    def first_target(self) -> int:
        """Place of the first target, the end of the first prompt; 0 if there is none."""
        return int(np.argmax(self.targets))

    def cut(self, length: int) -> TokenSequence:
        """The first `length` tokens, copied so that a longer sequence can be freed."""
        if length >= len(self.tokens):
            return self
        return TokenSequence(self.tokens[:length].copy(), self.targets[:length].copy())


class Sequences:
    """Read access to a folder from `write`. Indexing gives views without copying."""

    def __init__(self, folder: Path, arrays: tuple[TokenArray, TargetArray, IntArray]) -> None:
        self.folder = folder
        self._tokens, self._targets, self._offsets = arrays

    @classmethod
    def open(cls, folder: Path) -> Sequences:
        """Map the folder's arrays; DataError if it is not such a folder, or of another version."""
        _check_meta(folder)
        tokens, targets = (
            np.load(folder / name, mmap_mode="r") for name in ("tokens.npy", "targets.npy")
        )
        return cls(folder, (tokens, targets, np.load(folder / "offsets.npy")))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> TokenSequence:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        index %= len(self)
        part = slice(self._offsets[index], self._offsets[index + 1])
        return TokenSequence(self._tokens[part], self._targets[part])

    def __iter__(self) -> Iterator[TokenSequence]:
        return (self[index] for index in range(len(self)))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as the folder's name, so that another process maps it without copying."""
        return Sequences.open, (self.folder,)

    @property
    def lengths(self) -> IntArray:
        """Tokens of each sequence."""
        return np.diff(self._offsets)

    @property
    def target_counts(self) -> IntArray:
        """Targets of each sequence."""
        return np.add.reduceat(self._targets, self._offsets[:-1], dtype=np.int64)


def write(folder: Path, sequences: Iterable[TokenSequence]) -> None:
    """Write at least one sequence, each with at least one token, to a new folder, atomically."""
    listed = list(sequences)
    publish(folder, lambda temporary: write_arrays(temporary, listed))


def write_arrays(folder: Path, sequences: Sequence[TokenSequence]) -> None:
    """Write the sequences' files into an existing folder."""
    assert sequences and all(len(each.tokens) for each in sequences), "nothing to write"
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    np.cumsum([len(sequence.tokens) for sequence in sequences], out=offsets[1:])
    np.save(folder / "tokens.npy", np.concatenate([each.tokens for each in sequences]))
    np.save(folder / "targets.npy", np.concatenate([each.targets for each in sequences]))
    np.save(folder / "offsets.npy", offsets)
    meta = {"version": VERSION, "sequences": len(sequences), "tokens": int(offsets[-1])}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _check_meta(folder: Path) -> None:
    path = folder / "meta.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no token sequences (no meta.json); prepare them again")
    version = json.loads(path.read_text(encoding="utf-8")).get("version")
    if version != VERSION:
        raise DataError(f"{folder} has version {version}, not {VERSION}; move it away")

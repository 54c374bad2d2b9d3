"""One rollout: the answers of a step, with what the steps on them need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.data.tokens.batches import collate
from trainables.data.tokens.examples import Example
from trainables.data.tokens.sequences import IntArray, TokenSequence
from trainables.losses.batch import Batch, to_batch

FloatArray = NDArray[np.float32]


@dataclass
class Rollout:
    """Answers in groups, each after its prompt: `tokens` [answers, longest], padded on the right.

    `advantages` are of answers, or of tokens. What is of tokens is [answers, longest - 1], 0 beside
    those of answers: log-probabilities when the answers were written (`sampled`), under the base
    (`reference`, if it is asked), and in the first pass of training (`old`, kept if there are
    more); and where a value head is trained, its `values` before, and the `returns` it learns.
    """

    number: int
    tokens: IntArray
    prompts: IntArray
    lengths: IntArray
    sampled: FloatArray
    advantages: FloatArray
    reference: FloatArray | None = None
    old: FloatArray | None = None
    values: FloatArray | None = None
    returns: FloatArray | None = None

    @classmethod
    def of(
        cls,
        number: int,
        asked: Sequence[Sequence[int]],
        answers: Sequence[Sequence[int]],
        sampled: Sequence[Sequence[float]],
    ) -> Rollout:
        """From the ids of prompts and answers, and the latters' log-probabilities."""
        prompts = np.array([len(ids) for ids in asked])
        lengths = prompts + [len(ids) for ids in answers]
        tokens = np.zeros((len(asked), lengths.max()), np.int64)
        known = np.zeros((len(asked), lengths.max() - 1), np.float32)
        for row, (before, after, their) in enumerate(zip(asked, answers, sampled, strict=True)):
            tokens[row, : lengths[row]] = [*before, *after]
            known[row, prompts[row] - 1 : lengths[row] - 1] = their[: len(after)]
        return cls(number, tokens, prompts, lengths, known, np.zeros(len(asked), np.float32))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def answer_tokens(self) -> IntArray:
        """Tokens of each answer."""
        counts: IntArray = self.lengths - self.prompts
        return counts

    @property
    def targets(self) -> NDArray[np.bool_]:
        """[answers, longest - 1]: the places of the answers' tokens in log-probabilities."""
        at = np.arange(1, self.tokens.shape[1])
        inside: NDArray[np.bool_] = (at >= self.prompts[:, None]) & (at < self.lengths[:, None])
        return inside

    def sequence(self, row: int) -> TokenSequence:
        """A prompt with its answer, whose tokens are the targets."""
        length = int(self.lengths[row])
        marks = np.arange(length) >= self.prompts[row]
        return TokenSequence(self.tokens[row, :length].astype(np.int32), marks)

    def batch(self, rows: IntArray, pad_id: int, parts: int = 1, old: bool = False) -> Batch:
        """The answers in these rows; `parts` is the number of micro-batches of a step and worker.

        `old`: with the log-probabilities of the first pass.
        """
        arrays = collate([Example((self.sequence(int(row)),)) for row in rows], pad_id)
        width = arrays["input_ids"].shape[1] - 1
        batch = to_batch(arrays)
        batch["place"] = rows
        # In one dimension there is nothing to narrow.
        advantages = self.advantages if self.advantages.ndim == 1 else self.advantages[:, :width]
        batch["advantage"] = torch.from_numpy(advantages[rows])
        batch["sampled"] = torch.from_numpy(self.sampled[rows, :width])
        batch["step_tokens"] = torch.tensor(float(self.answer_tokens.sum()) / parts)
        if self.reference is not None:
            batch["reference"] = torch.from_numpy(self.reference[rows, :width])
        if self.values is not None and self.returns is not None:
            batch["values"] = torch.from_numpy(self.values[rows, :width])
            batch["returns"] = torch.from_numpy(self.returns[rows, :width])
        if old:
            assert self.old is not None, "kept if there are several passes"
            batch["old"] = torch.from_numpy(self.old[rows, :width])
        return batch

    def save(self, file: Path) -> None:
        """Write it whole, for resuming between two steps on it."""
        arrays = {name: value for name, value in vars(self).items() if value is not None}
        np.savez(file, **arrays)

    @classmethod
    def load(cls, file: Path) -> Rollout:
        """As it was saved."""
        with np.load(file, allow_pickle=False) as arrays:
            found = dict(arrays)
        return cls(**{**found, "number": int(found["number"])})

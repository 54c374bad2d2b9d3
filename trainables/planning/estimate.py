"""The memory that a trial needs on each of its workers, by its terms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.planning.activations import Activations
from trainables.planning.answering import NO_ANSWERS, Answering
from trainables.planning.chords import most_within
from trainables.planning.curves import Curve
from trainables.planning.inventory import Inventory
from trainables.planning.states import States

MOST = 1_000_000
"""Sequences at once, beyond any use."""


@dataclass(frozen=True)
class Estimate:
    """One trial's memory on each worker: what it holds, and what a pass adds."""

    inventory: Inventory
    states: States
    activations: Activations
    unpacking: int = 0
    """Bytes of the largest 4-bit layer while a pass computes with it."""
    answering: Answering = NO_ANSWERS
    """What reinforcement learning holds besides."""

    rows: int = 1
    """Sequences of a step on each worker; fewer at once need their gradients held meanwhile."""

    def peak(self, micro_batch: int) -> int:
        """Bytes of tensors at the peak of a step of micro-batches of this size."""
        stepping = self.states.gradients + self.states.step
        writing = self.answering.writing(micro_batch)
        resting = self.states.resting + self.answering.beside
        return resting + max(self._passing(micro_batch), stepping, writing)

    def _passing(self, micro_batch: int) -> int:
        """Bytes of a pass, with gradients."""
        held = self.states.gradients if micro_batch < self.rows else 0
        return held + self._curve(micro_batch).of(micro_batch) + self.unpacking

    def _curve(self, micro_batch: int) -> Curve:
        further = micro_batch < self.rows
        return self.activations.further if further else self.activations.first

    def parts(self, micro_batch: int) -> dict[str, int]:
        """The peak's terms in bytes, by name."""
        constants = self._constants()
        parts = {
            "weights": self.states.weights - constants,
            "4-bit constants": constants,
            "fp32 copies": self.states.masters,
            "optimizer": self.states.optimizer,
            "buckets": self.states.buckets,
            "gathered weights": self.states.gathered,
            **self._moving(micro_batch),
            "models beside": self.answering.beside,
        }
        optional = ("4-bit constants", "gathered weights", "models beside")
        return {name: size for name, size in parts.items() if size or name not in optional}

    def _constants(self) -> int:
        """Those of 4-bit weights, on this rank: as much of them as it has of the weights."""
        whole = self.inventory.frozen_bytes + sum(each.bytes for each in self.inventory.trained)
        return self.inventory.constants * min(self.states.weights, whole) // max(1, whole)

    def _moving(self, micro_batch: int) -> dict[str, int]:
        """What comes and goes: of a pass, of the optimizer's step or of writing answers, whichever
        takes most."""
        gradients, step = self.states.gradients, self.states.step
        passing = self._passing(micro_batch) - gradients
        writing = self.answering.writing(micro_batch)
        if writing > gradients + max(passing, step):
            return {"gradients": 0, "KV cache": writing}
        if step > passing:
            return {"gradients": gradients, "optimizer step": step}
        unpacked = {"dequantised layer": min(self.unpacking, passing)} if self.unpacking else {}
        left, kinds = passing - sum(unpacked.values()), {}
        for name, line in self._curve(micro_batch).stretch(micro_batch).kinds.items():
            kinds[name] = min(left, line.of(micro_batch))
            left -= kinds[name]
        return {"gradients": gradients, **unpacked, **kinds, "activations": left}

    def logits(self, micro_batch: int) -> tuple[int, int]:
        """The words and the tokens of the logits that are held at the peak."""
        tokens = self._curve(micro_batch).stretch(micro_batch).tokens
        return self.activations.words, tokens.of(micro_batch)

    def largest_term(self, micro_batch: int) -> tuple[str, int]:
        """The part of the peak that takes most, with its bytes."""
        return max(self.parts(micro_batch).items(), key=lambda part: part[1])

    def largest_micro_batch(self, room: int) -> int:
        """The most sequences of the longest kind that fit into `room` bytes, up to MOST; 0 if not
        one does."""

        def fits(micro_batch: int) -> int:
            return self.peak(micro_batch) - room

        whole = most_within(fits, self.rows, max(self.rows, MOST), 0)
        return whole or most_within(fits, 1, max(1, self.rows - 1), 0)

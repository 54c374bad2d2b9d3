"""How the peak of a pass grows with the sequences of a micro-batch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Line:
    """A number that grows evenly with the sequences."""

    fixed: int = 0
    per_sequence: int = 0

    @classmethod
    def through(cls, count: int, value: int, more: int, its: int) -> Line:
        """The line through the values of two numbers of sequences."""
        slope = (its - value) / (more - count)
        return cls(round(value - count * slope), round(slope))

    def of(self, sequences: int) -> int:
        """The number of a micro-batch."""
        return max(0, self.fixed + sequences * self.per_sequence)

    def towards(self, other: Line, share: float) -> Line:
        """The line between this one and another."""
        return Line(
            round(self.fixed + share * (other.fixed - self.fixed)),
            round(self.per_sequence + share * (other.per_sequence - self.per_sequence)),
        )


@dataclass(frozen=True)
class Stretch:
    """The bytes at the peak where they grow evenly; `kinds` are parts of them by name, of which
    logits are those of so many `tokens`."""

    bytes: Line
    kinds: Mapping[str, Line] = field(default_factory=dict)
    tokens: Line = Line()

    def towards(self, other: Stretch, share: float) -> Stretch:
        """What lies between this and another."""
        nothing = Line()
        kinds = {
            name: self.kinds.get(name, nothing).towards(other.kinds.get(name, nothing), share)
            for name in {**self.kinds, **other.kinds}
        }
        tokens = self.tokens.towards(other.tokens, share)
        return Stretch(self.bytes.towards(other.bytes, share), kinds, tokens)


@dataclass(frozen=True)
class Curve:
    """Two stretches, of a few sequences and of `many`, since the peak of a small micro-batch may be
    at another moment: when all gradients are there, and not when the logits are."""

    few: Stretch
    many: Stretch
    at: int = 1

    @classmethod
    def throughout(cls, stretch: Stretch) -> Curve:
        """One that grows evenly throughout."""
        return cls(stretch, stretch)

    @classmethod
    def even(cls, fixed: int, per_sequence: int = 0) -> Curve:
        """The same from its bytes alone."""
        return cls.throughout(Stretch(Line(fixed, per_sequence)))

    def of(self, sequences: int) -> int:
        """The bytes of a micro-batch."""
        return self.stretch(sequences).bytes.of(sequences)

    def stretch(self, sequences: int) -> Stretch:
        """That in which a micro-batch is. Between the two, which meet somewhere: the upper one if
        the growth becomes faster, else the lower one."""
        if sequences >= self.at:
            return self.many
        if sequences <= 2:
            return self.few
        pick = max if self.few.bytes.of(self.at) <= self.many.bytes.of(self.at) else min
        return pick(self.few, self.many, key=lambda each: each.bytes.of(sequences))

    def towards(self, other: Curve, share: float) -> Curve:
        """What lies between this and another."""
        few, many = (
            mine.towards(its, share)
            for mine, its in ((self.few, other.few), (self.many, other.many))
        )
        return Curve(few, many, max(self.at, other.at))

    def without(self, freed: int, least: int) -> Curve:
        """The same with so many bytes freed, down to `least` besides what grows: where the peak is
        early in a pass, there is little to be freed."""
        if self.few == self.many:
            return Curve.throughout(_less(self.few, freed, least))
        kept = min(least, self.many.bytes.fixed)
        return Curve(_less(self.few, freed, least), _less(self.many, freed, kept), self.at)


def _less(stretch: Stretch, freed: int, least: int) -> Stretch:
    fixed = max(least, stretch.bytes.fixed - freed)
    return replace(stretch, bytes=Line(fixed, stretch.bytes.per_sequence))

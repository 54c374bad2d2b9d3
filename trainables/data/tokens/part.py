"""A fixed random part of a set's examples, and the rest of them."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Example, Examples
from trainables.data.tokens.sequences import IntArray

Wanted = int | Literal["all"]
"""The number of examples to measure."""


class Part(Examples):
    """Some examples of a set, by their places in it, with what belongs to them there."""

    def __init__(self, whole: Examples, places: IntArray) -> None:
        self.folder, self.arity = whole.folder, whole.arity
        self.marks = None if whole.marks is None else whole.marks[places]
        self.labels, self.weights = whole.labels[places], whole.weights[places]
        self.text_bytes = whole.text_bytes[places]
        self.places = places
        self._whole = whole

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Example:
        return self._whole[int(self.places[index])]

    @property
    def lengths(self) -> IntArray:
        """Tokens of each example, in all its sequences."""
        return self._whole.lengths[self.places]

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence of the whole set, of which it is a part."""
        return self._whole.longest

    @cached_property
    def rest(self) -> Part:
        """The examples that are not in it."""
        left = np.ones(len(self._whole), dtype=np.bool_)
        left[self.places] = False
        return Part(self._whole, np.flatnonzero(left))

    def joined(
        self, own: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Rows of the whole set, from those of this part and of the rest."""
        rows = np.empty((len(self._whole), own.shape[1]))
        rows[self.places], rows[self.rest.places] = own, rest
        return rows


def part_of(examples: Examples, wanted: Wanted, seed: int) -> Part | None:
    """`wanted` examples drawn at random by the seed; None if all are wanted, or no more are there.

    A smaller part of a set is within a larger one.
    """
    if wanted == "all" or wanted >= len(examples):
        return None
    drawn = np.random.default_rng([seed, len(examples)]).permutation(len(examples))
    return Part(examples, np.sort(drawn[:wanted]))


def part_at_points(config: TrialConfig, examples: Examples) -> Part | None:
    """What of a set is measured at a trial's points before its end; None if all of it is."""
    assert config.data is not None, "an objective with data"
    wanted = config.evaluation.examples
    assert wanted != "auto", "a number takes its place before the first trial"
    return part_of(examples, wanted, config.data.seed)

"""A trial's training set: examples or packs, with or without a replay set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Example, Examples
from trainables.data.tokens.packing import Pack, Packs
from trainables.data.tokens.prompts import PromptExamples, Prompts
from trainables.data.tokens.sequences import IntArray

T_co = TypeVar("T_co", covariant=True)


class Stored(Protocol[T_co]):
    """Stored items, read by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...

    @property
    def lengths(self) -> IntArray:
        """Tokens of each item."""
        ...


@dataclass(frozen=True)
class TrainingSet(Generic[T_co]):
    """Two sets as one: replayed items are numbered after those of the train files."""

    trained: Stored[T_co]
    replayed: Stored[T_co] | None = None

    def __len__(self) -> int:
        return len(self.trained) + len(self.replayed or ())

    def __getitem__(self, index: int) -> T_co:
        if index < len(self.trained):
            return self.trained[index]
        assert self.replayed is not None, "numbered only where there is something to replay"
        return self.replayed[index - len(self.trained)]

    @property
    def lengths(self) -> tuple[IntArray, IntArray | None]:
        """Tokens of each training item and of each replayed item, in the form a plan needs."""
        return self.trained.lengths, self.replayed.lengths if self.replayed else None


Learned = TrainingSet[Example] | TrainingSet[Pack]


def training_set(config: TrialConfig, examples: Examples, replay: Examples | None) -> Learned:
    """The sets as `config` reads them: of an objective that answers prompts, the prompts.

    DataError if it packs and they were prepared unpacked.
    """
    if config.learns.rolls_out:
        return TrainingSet(PromptExamples(Prompts(examples.folder)))
    if config.data is not None and config.data.packing:
        return TrainingSet(Packs(examples), Packs(replay) if replay else None)
    return TrainingSet(examples, replay)

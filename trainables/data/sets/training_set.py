"""What a trial learns from: examples or packs of them, with those of a replay set or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from trainables.config.trial import TrialConfig
from trainables.data.tokens.examples import Example, Examples
from trainables.data.tokens.packing import Pack, Packs
from trainables.data.tokens.sequences import IntArray

T_co = TypeVar("T_co", covariant=True)


class Stored(Protocol[T_co]):
    """What is read by its number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...

    @property
    def lengths(self) -> IntArray:
        """Tokens of each."""
        ...


@dataclass(frozen=True)
class TrainingSet(Generic[T_co]):
    """Two sets as one: what is replayed is numbered after what the train files gave."""

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
        """Tokens of each that is trained, and of each that is replayed, as a plan wants them."""
        return self.trained.lengths, self.replayed.lengths if self.replayed else None


Learned = TrainingSet[Example] | TrainingSet[Pack]


def training_set(config: TrialConfig, examples: Examples, replay: Examples | None) -> Learned:
    """The sets as `config` reads them; DataError where it packs and they were not prepared so."""
    if config.data is not None and config.data.packing:
        return TrainingSet(Packs(examples), Packs(replay) if replay else None)
    return TrainingSet(examples, replay)

"""The kinds of records: one small value for each row of a file.

`reason_to_drop` gives the reason why a record is useless for training, or None; `where` is its
place in its file; `weight` is 1 unless the row has a field `weight`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from trainables.data.records.conversation import Conversation, Message, trained, untrained


@dataclass(frozen=True, slots=True)
class Document:
    """Plain text."""

    text: str
    where: str = field(default="", compare=False)
    weight: float = 1.0

    def reason_to_drop(self) -> str | None:
        """Reason why it is useless for training, or None."""
        return None if self.text.strip() else "empty document"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, or a pair of them, and its label: empty text if missing; several are a tuple."""

    text: str
    label: str | tuple[str, ...]
    where: str = field(default="", compare=False)
    weight: float = 1.0
    text_pair: str | None = None

    def reason_to_drop(self) -> str | None:
        """Reason why it is useless for training, or None."""
        if self.label == "":
            return "no label"
        return None if self.text.strip() or (self.text_pair or "").strip() else "empty text"


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt and two answers to it, the better one first; `tools` as in a conversation."""

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    where: str = field(default="", compare=False)
    weight: float = 1.0
    tools: str = ""

    def conversations(self) -> tuple[Conversation, Conversation]:
        """The prompt with the chosen and with the rejected answer; only the answer is trained."""
        chosen, rejected = (
            Conversation(
                (*untrained(self.prompt), *trained(answer)), self.where, self.weight, self.tools
            )
            for answer in (self.chosen, self.rejected)
        )
        return chosen, rejected

    def reason_to_drop(self) -> str | None:
        """Reason why it is useless for training, or None."""
        for conversation in self.conversations():
            reason = conversation.reason_to_drop()
            if reason:
                return "no answer" if reason == "no trained answer" else reason
        return "chosen equals rejected" if self.chosen == self.rejected else None

    def judged(self) -> tuple[Judged, Judged]:
        """The two answers as single judgements: chosen is good, rejected is bad."""
        chosen, rejected = self.conversations()
        return Judged(chosen, desirable=True), Judged(rejected, desirable=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """A chat with a good or bad last answer; None if not judged."""

    conversation: Conversation
    desirable: bool | None

    @property
    def where(self) -> str:
        """Its place."""
        return self.conversation.where

    @property
    def weight(self) -> float:
        """Its weight."""
        return self.conversation.weight

    def reason_to_drop(self) -> str | None:
        """Reason why it is useless for training, or None."""
        return "no label" if self.desirable is None else self.conversation.reason_to_drop()


@dataclass(frozen=True, slots=True)
class Rated:
    """A chat or a text and its reward; None if missing, NaN if not a number."""

    content: Conversation | Document
    reward: float | None

    @property
    def where(self) -> str:
        """Its place."""
        return self.content.where

    @property
    def weight(self) -> float:
        """Its weight."""
        return self.content.weight

    def reason_to_drop(self) -> str | None:
        """Reason why it is useless for training, or None."""
        if self.reward is None:
            return "no reward"
        if not math.isfinite(self.reward):
            return "reward is not a finite number"
        return self.content.reason_to_drop()


Record = Conversation | Document | Labelled | Pair | Judged | Rated

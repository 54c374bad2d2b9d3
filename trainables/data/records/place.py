"""The place of a record, or of a part of it, and the allowances made in reading the record."""

from __future__ import annotations

from dataclasses import dataclass, field

NUMBERS = "numbers, true or false read as text"
MISSING = "NaN read as no text"
JOINED = "neighbouring turns of one role joined"
OPENING = "an opening answer left out"
DIALOGUE = "a dialogue in one text, split into its turns"
BEGINNING = "the common beginning of both answers taken as the prompt"
FIRST = "several answers, the first trained"
TEXTS = "plain texts taken as turns of user and assistant"
PARALLEL = "parallel lists taken as turns"
CONTEXT = "a context that is no text, not read"
UNTRAINED = "a weight for a turn that is no answer, which is not trained"
RESULT = "a tool's result that is no text, written as JSON"
CALL_AS_TEXT = "a call of a tool that is no JSON, kept as text"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, written as in messages ("chats.jsonl line 3 turn 2").

    The places within a record share its `allowances`, in the order in which they were made.
    """

    where: str
    allowances: dict[str, None] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.where

    def within(self, part: str) -> Place:
        """A part of it."""
        return Place(f"{self.where} {part}", self.allowances)

    def allow(self, what: str) -> None:
        """Note an allowance; each is counted once for a record."""
        self.allowances[what] = None

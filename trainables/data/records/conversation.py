"""A chat before rendering: the common form of all record formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]

_AFTER: Mapping[Role | None, tuple[Role, ...]] = {
    None: ("system", "user"),
    "system": ("system", "user", "assistant"),
    "user": ("system", "assistant"),
    "assistant": ("system", "user", "tool"),
    "tool": ("tool", "assistant", "user"),
}
"""Allowed order of roles; None stands for the beginning. A call may have several results, and the
user may speak before they are used; a system turn may stand anywhere but before a result."""


UNANSWERED = "..."
"""Stands in place of the answer to a prompt that has none: it is rendered, but never learned, nor
shown, nor compared with."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by the assistant; `arguments` is JSON text, results refer to `id`."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Only an assistant's turn is ever trainable, has reasoning or calls tools.

    A tool's turn holds a result: `name` is the tool's, `call_id` the call's; empty if not said.
    """

    role: Role
    content: str
    trainable: bool = False
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    name: str = ""
    call_id: str = ""

    @classmethod
    def of(cls, role: Role, content: str) -> Message:
        """A turn, trained if and only if it is the assistant's."""
        return cls(role, content, trainable=role == "assistant")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order, and their source ("chats.json row 3"), for messages about them.

    `tools` is the JSON text of the list of tools that the assistant may call; empty if there are
    none. `references` are further right last answers, which are not trained. `unread` are columns
    that the chat does not contain, where metrics are to see them. Without `answered` the last
    answer is UNANSWERED.
    """

    messages: tuple[Message, ...]
    where: str = field(default="", compare=False)
    weight: float = 1.0
    tools: str = ""
    references: tuple[str, ...] = field(default=(), compare=False)
    unread: Mapping[str, object] = field(default_factory=dict, compare=False)
    answered: bool = True

    def asked(self) -> Conversation:
        """The chat as a prompt with its first reference, if it ends with a question and holds no
        answer to learn; else unchanged."""
        if not self.messages or self.messages[-1].role == "assistant":
            return self
        if any(message.trainable for message in self.messages):
            return self
        right = self.references[0] if self.references else UNANSWERED
        turn = Message("assistant", right, trainable=True)
        return replace(self, messages=(*self.messages, turn), answered=bool(self.references))

    def reason_to_drop(self) -> str | None:
        """Reason why this chat is useless for training, or None if it is useful."""
        answers = [message for message in self.messages if message.role == "assistant"]
        if not answers:
            return "no answer"
        if any(not answer.content.strip() and not answer.tool_calls for answer in answers):
            return "empty answer"
        if next(each.role for each in self.messages if each.role != "system") == "assistant":
            return "begins with an answer"
        if not _in_order([message.role for message in self.messages]):
            return "roles out of order"
        return None if any(answer.trainable for answer in answers) else "no trained answer"

    def up_to_last_answer(self) -> Conversation:
        """The chat without the turns after the last trained answer, which train nothing."""
        last = max(place for place, message in enumerate(self.messages) if message.trainable)
        return replace(self, messages=self.messages[: last + 1])

    @property
    def question_place(self) -> int:
        """The place of the turn that the last trained answer replies to: the last one before it
        that is not the assistant's."""
        turns = self.up_to_last_answer().messages[:-1]
        return max(place for place, turn in enumerate(turns) if turn.role != "assistant")

    @property
    def question(self) -> str:
        """The text of that turn."""
        return self.messages[self.question_place].content

    def last_trained_only(self) -> Conversation:
        """The chat with only its last trained answer trained."""
        trained = [place for place, message in enumerate(self.messages) if message.trainable]
        last = trained[-1:]
        return replace(
            self,
            messages=tuple(
                replace(message, trainable=place in last)
                for place, message in enumerate(self.messages)
            ),
        )

    def last_answer_only(self) -> Conversation:
        """The chat with only its last answer trained; earlier answers are part of the prompt."""
        answers = [n for n, message in enumerate(self.messages) if message.role == "assistant"]
        last = answers[-1:]
        return replace(
            self,
            messages=tuple(
                replace(message, trainable=place in last)
                for place, message in enumerate(self.messages)
            ),
        )


def untrained(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The turns as a prompt."""
    return tuple(replace(message, trainable=False) for message in messages)


def trained(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The turns as an answer: the assistant's turns are trained."""
    return tuple(replace(message, trainable=message.role == "assistant") for message in messages)


def _in_order(roles: Sequence[Role]) -> bool:
    return all(role in _AFTER[before] for before, role in zip([None, *roles], roles, strict=False))

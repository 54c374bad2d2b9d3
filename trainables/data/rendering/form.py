"""Forms in which a chat is given to a chat template: templates differ in what they know.

The plainest form comes first. Another is used only if the template refuses the chat in the forms
before it, or loses a part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from itertools import product

from trainables.core.data_error import DataError
from trainables.data.records.conversation import Conversation, Message, ToolCall
from trainables.data.rendering.thoughts import apart, inline

Turn = dict[str, object]
"""A turn as a template reads it: role, content, and more where there is more."""


class System(IntEnum):
    """The place of the system text: a turn of its own, or before the first question."""

    OWN = 0
    QUESTION = 1


class Content(IntEnum):
    """A turn's content: a string, or a list of parts as multimodal templates read it."""

    STRING = 0
    PARTS = 1


class Reasoning(IntEnum):
    """Reasoning in a field; the same, switched on by `enable_thinking`; or in the content."""

    FIELD = 0
    SWITCHED = 1
    CONTENT = 2


class Calls(IntEnum):
    """Arguments as an object or as a string; tools, calls and (at last) results as plain text."""

    OBJECT = 0
    STRING = 1
    TEXT = 2
    TEXT_ONLY = 3


@dataclass(frozen=True, slots=True)
class Form:
    """How a chat is given to a template."""

    system: System = System.OWN
    content: Content = Content.STRING
    reasoning: Reasoning = Reasoning.FIELD
    calls: Calls = Calls.OBJECT

    @property
    def options(self) -> Mapping[str, bool]:
        """Variables for the template."""
        return {"enable_thinking": True} if self.reasoning is Reasoning.SWITCHED else {}


PLAIN = Form(reasoning=Reasoning.CONTENT, calls=Calls.TEXT)
"""The form of the default template, which knows four roles and their texts."""


def forms(chats: Sequence[Conversation]) -> Sequence[Form]:
    """The forms worth trying for these chats, the plainest first."""
    messages = [message for chat in chats for message in chat.messages]
    told = any(chat.tools for chat in chats)
    return _forms(
        told or any(message.role == "system" for message in messages),
        any(apart(message).reasoning for message in messages),
        told or any(message.tool_calls or message.role == "tool" for message in messages),
    )


@cache
def _forms(system: bool, reasoning: bool, tools: bool) -> Sequence[Form]:
    aspects = product(
        System if system else (System.OWN,),
        Content,
        Reasoning if reasoning else (Reasoning.FIELD,),
        Calls if tools else (Calls.OBJECT,),
    )
    return sorted((Form(*each) for each in aspects), key=_deviation)


def _deviation(form: Form) -> int:
    return form.system + form.content + form.reasoning + form.calls


def shaped(chat: Conversation, form: Form) -> Conversation:
    """The chat as text and fields in this form; turns by one role that become neighbours join."""
    messages: Iterable[Message] = _numbered(chat.messages)
    if form.reasoning is Reasoning.CONTENT:
        messages = map(inline, messages)
    else:
        messages = (split if (split := apart(each)).reasoning else each for each in messages)
    tools = chat.tools
    if form.calls >= Calls.TEXT:
        messages = (*(_as_text(each, form.calls) for each in messages), *_told(tools))
        tools = ""
    if form.calls >= Calls.TEXT or form.system is System.QUESTION:
        messages = _one_system(messages)
    if form.system is System.QUESTION:
        messages = _before_question(tuple(messages))
    return replace(chat, messages=tuple(_joined(messages)), tools=tools)


def turns_of(messages: Iterable[Message], form: Form) -> list[Turn]:
    """The turns of a shaped chat for `apply_chat_template`."""
    return [_turn(message, form) for message in messages]


def tools_of(chat: Conversation) -> list[object] | None:
    """The tools as objects; DataError if they are not a list of objects."""
    if not chat.tools:
        return None
    try:
        listed = json.loads(chat.tools)
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise DataError(f"{chat.where}: tools must be a list of objects, or JSON text of one")
    return [_wrapped(tool) for tool in listed] or None


def call_text(call: ToolCall) -> str:
    """A call as plain text."""
    written = json.dumps({"name": call.name, "arguments": arguments(call)}, ensure_ascii=False)
    return f"<tool_call>\n{written}\n</tool_call>"


def arguments(call: ToolCall) -> object:
    """A call's arguments, decoded if they are JSON."""
    try:
        decoded: object = json.loads(call.arguments or "{}")
    except ValueError:
        return call.arguments
    return decoded


def _wrapped(tool: dict[str, object]) -> dict[str, object]:
    """A tool as templates expect it: some data sets leave out the outer object."""
    is_bare = "function" not in tool and "name" in tool
    return {"type": "function", "function": tool} if is_bare else tool


def _turn(message: Message, form: Form) -> Turn:
    text = message.content
    parts = form.content is Content.PARTS
    turn: Turn = {
        "role": message.role,
        "content": [{"type": "text", "text": text}] if parts else text,
    }
    if message.reasoning:
        # Each family reads one of these names.
        turn |= dict.fromkeys(("reasoning_content", "reasoning", "thinking"), message.reasoning)
    if message.tool_calls:
        turn["tool_calls"] = [_call(call, form) for call in message.tool_calls]
    if message.role == "tool":
        named = {"name": message.name, "tool_call_id": message.call_id}
        turn |= {name: value for name, value in named.items() if value}
    return turn


def _call(call: ToolCall, form: Form) -> dict[str, object]:
    given = arguments(call) if form.calls is Calls.OBJECT else call.arguments
    function = {"name": call.name, "arguments": given}
    return {"id": call.id, "type": "function", "function": function}


def _numbered(messages: Sequence[Message]) -> Iterable[Message]:
    """Each call with an id, each result with its call's id and name: some templates need them.

    Nine letters and digits are an id that every template takes.
    """
    number, waiting = 0, list[ToolCall]()
    for message in messages:
        if message.tool_calls:
            calls = []
            for call in message.tool_calls:
                number += 1
                calls.append(call if call.id else replace(call, id=f"call{number:05}"))
            waiting = calls
            message = replace(message, tool_calls=tuple(calls))
        elif message.role == "tool" and waiting:
            own = [call for call in waiting if call.id == message.call_id]
            own = own or [call for call in waiting if call.name == message.name] or waiting
            waiting = [call for call in waiting if call is not own[0]] or waiting
            message = replace(
                message, name=message.name or own[0].name, call_id=message.call_id or own[0].id
            )
        yield message


def _told(tools: str) -> tuple[Message, ...]:
    """The tools as a system turn."""
    return (Message.of("system", f"Tools:\n{tools}"),) if tools else ()


def _as_text(message: Message, calls: Calls) -> Message:
    if message.role == "tool" and calls is Calls.TEXT_ONLY:
        return Message.of("user", f"<tool_response>\n{message.content}\n</tool_response>")
    if not message.tool_calls:
        return message
    written = "\n".join(map(call_text, message.tool_calls))
    text = f"{message.content}\n{written}" if message.content else written
    return replace(message, content=text, tool_calls=())


def _one_system(messages: Iterable[Message]) -> tuple[Message, ...]:
    listed = tuple(messages)
    texts = [message.content for message in listed if message.role == "system"]
    others = tuple(message for message in listed if message.role != "system")
    return (Message.of("system", "\n\n".join(texts)), *others) if texts else others


def _before_question(messages: Sequence[Message]) -> tuple[Message, ...]:
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return tuple(messages)
    system, question, *others = messages
    text = f"{system.content}\n\n{question.content}"
    return (replace(question, content=text), *others)


def _joined(messages: Iterable[Message]) -> Iterable[Message]:
    held: Message | None = None
    for message in messages:
        if held is not None and held.role == message.role == "user":
            held = replace(held, content=f"{held.content}\n{message.content}")
            continue
        if held is not None:
            yield held
        held = message
    if held is not None:
        yield held

"""The prompts and answers of a record, for each chat format and pair format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

from trainables.core.data_error import DataError, shown
from trainables.data.records.conversation import Message, untrained
from trainables.data.records.fields import text
from trainables.data.records.turns import any_turns, message_turns, sharegpt_turns

Fields = Mapping[str, object]
"""A record's fields by role; a missing field is None or absent."""

Messages = tuple[Message, ...]


def alpaca_prompt(fields: Fields, where: str) -> Messages:
    """{instruction, input?, system?}"""
    parts = (text(fields.get(name), where, name) for name in ("instruction", "input"))
    return (*_system(fields, where), Message.of("user", "\n".join(part for part in parts if part)))


def sharegpt(fields: Fields, where: str) -> Messages:
    """{conversations, system?}"""
    turns = sharegpt_turns(fields["conversations"], where, "conversations")
    return (*_system(fields, where), *turns)


def messages(fields: Fields, where: str) -> Messages:
    """{messages}"""
    return message_turns(fields["messages"], where, "messages")


def alpaca(fields: Fields, where: str) -> Messages:
    """{instruction, input?, output, system?}"""
    answer = text(fields["output"], where, "output")
    return (*alpaca_prompt(fields, where), Message.of("assistant", answer))


def prompt_completion(fields: Fields, where: str) -> Messages:
    """{prompt, completion}: texts or lists of turns; only the completion is trained."""
    asked = untrained(prompt(fields, where))
    return (*asked, *_answer(fields["completion"], where, "completion"))


def prompt(fields: Fields, where: str) -> Messages:
    """{prompt, system?}: the prompt is a text or a list of turns."""
    value = fields["prompt"]
    turns = any_turns(value, where, "prompt") if isinstance(value, list) else ()
    asked = turns or (Message.of("user", text(value, where, "prompt")),)
    return (*_system(fields, where), *asked)


def no_prompt(fields: Fields, where: str) -> Messages:
    """Nothing: the answers contain the prompt."""
    return ()


CHATS: Mapping[str, Callable[[Fields, str], Messages]] = {
    "alpaca": alpaca,
    "sharegpt": sharegpt,
    "messages": messages,
    "prompt_completion": prompt_completion,
}
"""The whole chat of a record in each chat format."""

PROMPTS: Mapping[str, Callable[[Fields, str], Messages]] = {
    "alpaca_pair": alpaca_prompt,
    "sharegpt_pair": sharegpt,
    "messages_pair": messages,
    "prompt_pair": prompt,
    "chat_pair": no_prompt,
}
"""The prompt of a record in each pair format."""


def answered(
    asked: Messages, chosen: object, rejected: object, where: str
) -> tuple[Messages, Messages, Messages]:
    """(prompt, chosen, rejected), also from two answers written as whole chats.

    A list that does not begin with an answer repeats the prompt: then the common beginning of both
    is the prompt, whatever the value of `asked`.
    """
    better, worse = _answer(chosen, where, "chosen"), _answer(rejected, where, "rejected")
    if not any(each and each[0].role != "assistant" for each in (better, worse)):
        if not asked:
            raise DataError(f"{where} has two answers but no prompt; add the field prompt")
        return asked, better, worse
    shared = _shared(better, worse)
    return better[:shared], better[shared:], worse[shared:]


def _answer(value: object, where: str, field: str) -> Messages:
    if isinstance(value, list | dict):
        return any_turns(value, f"{where} {field}", field)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: {field} is {shown(value)}; it must be a string or turns")
    return (Message.of("assistant", text(value, where, field)),)


def _shared(chosen: Sequence[Message], rejected: Sequence[Message]) -> int:
    """Number of leading turns in common, never including the last turn of either."""
    pairs = zip(chosen[:-1], rejected[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _system(fields: Fields, where: str) -> Messages:
    content = text(fields.get("system"), where, "system")
    return (Message.of("system", content),) if content else ()

"""The prompts and answers of a record, for each chat format and pair format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, takewhile

from trainables.core.data_error import DataError, shown
from trainables.data.records.conversation import Message, untrained
from trainables.data.records.dialogues import common_lines, dialogue, open_dialogue
from trainables.data.records.fields import text
from trainables.data.records.place import (
    BEGINNING,
    CONTEXT,
    DIALOGUE,
    FIRST,
    PARALLEL,
    Place,
)
from trainables.data.records.turns import is_turn, taking_turns, turns_of

Fields = Mapping[str, object]
"""A record's fields by role; a missing field is None or absent."""

Messages = tuple[Message, ...]


def alpaca_prompt(fields: Fields, where: Place) -> Messages:
    """{instruction, input?, system?, history?}"""
    parts = (text(fields.get(name), where, name) for name in ("instruction", "input"))
    asked = Message.of("user", "\n".join(part for part in parts if part))
    return (*_before(fields, where), asked)


def sharegpt(fields: Fields, where: Place) -> Messages:
    """{conversations, system?}"""
    return (*_system(fields, where), *turns_of(fields["conversations"], where, "conversations"))


def messages(fields: Fields, where: Place) -> Messages:
    """{messages, system?}"""
    return (*_system(fields, where), *turns_of(fields["messages"], where, "messages"))


def alpaca(fields: Fields, where: Place) -> Messages:
    """{instruction, input?, output, system?, history?}"""
    return (*alpaca_prompt(fields, where), *_answer(fields["output"], where, "output"))


def prompt_completion(fields: Fields, where: Place) -> Messages:
    """{prompt, completion}: texts or lists of turns; only the completion is trained.

    Two lists of texts are questions and answers by turns; all answers are trained.
    """
    questions, answers = _texts(fields["prompt"]), _texts(fields["completion"])
    if len(questions) > 1 and answers:
        if len(questions) != len(answers):
            raise DataError(
                f"{where} has {len(questions)} questions and {len(answers)} answers; correct them",
                "wrong type",
            )
        where.allow(PARALLEL)
        pairs = chain.from_iterable(zip(questions, answers, strict=True))
        return (*_before(fields, where), *taking_turns([text(e, where, "prompt") for e in pairs]))
    asked = untrained(prompt(fields, where))
    return (*asked, *_answer(fields["completion"], where, "completion"))


def prompt(fields: Fields, where: Place) -> Messages:
    """{prompt, system?, history?, context?}: the prompt is a text or a list of turns."""
    value = fields["prompt"]
    if len(_texts(value)) == 1:
        (value,) = _texts(value)
    if is_turn(value) or isinstance(value, list):
        return (*_before(fields, where), *turns_of(value, where, "prompt"))
    asked = text(value, where, "prompt")
    turns = open_dialogue(asked)
    if turns:
        where.allow(DIALOGUE)
        return (*_before(fields, where), *turns)
    parts = [_context(fields.get("context"), where), asked]
    question = "\n\n".join(part for part in parts if part)
    return (*_before(fields, where), Message.of("user", question))


def no_prompt(fields: Fields, where: Place) -> Messages:
    """Nothing: the answers contain the prompt."""
    return ()


ASKED: Mapping[str, Callable[[Fields, Place], Messages]] = {
    "alpaca": alpaca_prompt,
    "sharegpt": sharegpt,
    "messages": messages,
    "prompt_completion": prompt,
}
"""The prompt of a record in each chat format; its last turns may answer it."""

CHATS: Mapping[str, Callable[[Fields, Place], Messages]] = {
    "alpaca": alpaca,
    "sharegpt": sharegpt,
    "messages": messages,
    "prompt_completion": prompt_completion,
}
"""The whole chat of a record in each chat format."""

PROMPTS: Mapping[str, Callable[[Fields, Place], Messages]] = {
    "alpaca_pair": alpaca_prompt,
    "sharegpt_pair": sharegpt,
    "messages_pair": messages,
    "prompt_pair": prompt,
    "chat_pair": no_prompt,
}
"""The prompt of a record in each pair format."""


def references(fields: Fields, where: Place) -> tuple[str, ...]:
    """Further right answers: those after the first in a list of answers, and the references."""
    name = next((each for each in ("output", "completion") if each in fields), None)
    questions = _texts(fields.get("prompt"))
    others = _all_texts(fields[name])[1:] if name and len(questions) < 2 else []
    given = fields.get("references")
    named = [given] if isinstance(given, str) else _all_texts(given)
    if given is not None and not named and given not in ([], {}, {"text": []}):
        raise DataError(
            f"{where}: references is {shown(given)}; it must be a text or a list of texts",
            "wrong type",
        )
    texts = (text(each, where, "references") for each in (*others, *named))
    return tuple(dict.fromkeys(each for each in texts if each.strip()))


def answered(
    asked: Messages, chosen: object, rejected: object, where: Place
) -> tuple[Messages, Messages, Messages]:
    """(prompt, chosen, rejected), also from two answers written as whole chats.

    A chat that does not begin with an answer repeats the prompt: then the common beginning of both
    is the prompt, whatever the value of `asked`. Two texts without a prompt are split after the
    lines with which both begin.
    """
    if isinstance(chosen, str) and isinstance(rejected, str):
        better, worse = dialogue(chosen), dialogue(rejected)
        if better and worse and (_shared(better, worse) or not asked):
            where.allow(DIALOGUE)
            return _split(better, worse)
        if not asked and (lines := common_lines(chosen, rejected)).strip():
            where.allow(BEGINNING)
            asked = (Message.of("user", lines.strip()),)
            chosen, rejected = chosen[len(lines) :], rejected[len(lines) :]
    better, worse = _answer(chosen, where, "chosen"), _answer(rejected, where, "rejected")
    if any(_is_whole(each, asked) for each in (better, worse)):
        return _split(better, worse)
    if not asked:
        raise DataError(f"{where} has two answers but no prompt; add the field prompt")
    return asked, better, worse


def _is_whole(answer: Messages, asked: Messages) -> bool:
    """Whether an answer repeats the prompt."""
    begins = bool(answer) and answer[0].role != "assistant"
    return begins or (not asked and any(message.role == "user" for message in answer))


def _split(better: Messages, worse: Messages) -> tuple[Messages, Messages, Messages]:
    shared = _shared(better, worse)
    return better[:shared], better[shared:], worse[shared:]


def _shared(chosen: Sequence[Message], rejected: Sequence[Message]) -> int:
    """Number of leading turns in common, never including the last turn of either."""
    pairs = zip(chosen[:-1], rejected[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _answer(value: object, where: Place, field: str) -> Messages:
    """The turns of an answer: one text, or a list of turns."""
    value = _one_of_several(value, where)
    if is_turn(value) or (isinstance(value, list) and all(map(is_turn, value))):
        return turns_of(value, where.within(field), field)
    if isinstance(value, list | dict):
        raise DataError(
            f"{where}: {field} is {shown(value)}; it must be a string or turns", "wrong type"
        )
    return (Message.of("assistant", text(value, where, field)),)


def _one_of_several(value: object, where: Place) -> object:
    """The text of {text: ...}, and the first of a list of texts, as the answers of SQuAD are."""
    texts = _all_texts(value)
    if len(texts) > 1:
        where.allow(FIRST)
    return texts[0] if texts else _inner(value)


def _all_texts(value: object) -> list[object]:
    """The texts of a list of texts, of {text: [...]} or of [{text: ...}]; none if it is no such."""
    value = _inner(value)
    if not isinstance(value, list) or any(map(is_turn, value)):
        return []
    texts = [each["text"] if isinstance(each, dict) and "text" in each else each for each in value]
    return [] if any(isinstance(each, list | dict) for each in texts) else texts


def _inner(value: object) -> object:
    if isinstance(value, dict) and "text" in value and not is_turn(value):
        return value["text"]
    return value


def _texts(value: object) -> list[object]:
    """The texts of a list of texts; none if it is anything else."""
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return list(value) if texts and isinstance(value, list) else []


def _before(fields: Fields, where: Place) -> Messages:
    """What comes before a question: the system's turn, and earlier questions and answers."""
    return (*_system(fields, where), *_history(fields.get("history"), where))


def _history(value: object, where: Place) -> Messages:
    if not value:
        return ()
    if isinstance(value, list) and not any(map(is_turn, value)):
        return tuple(chain.from_iterable(_earlier(each, where) for each in value))
    return turns_of(value, where.within("history"), "history")


def _earlier(value: object, where: Place) -> Messages:
    """A question and its answer."""
    if not isinstance(value, list) or len(value) != 2:
        raise DataError(
            f"{where}: history has {shown(value)}; it must be a list of [question, answer]",
            "wrong type",
        )
    return taking_turns([text(each, where, "history") for each in value])


def _context(value: object, where: Place) -> str:
    if isinstance(value, list | dict):
        where.allow(CONTEXT)
        return ""
    return text(value, where, "context")


def _system(fields: Fields, where: Place) -> Messages:
    content = text(fields.get("system"), where, "system")
    return (Message.of("system", content),) if content else ()

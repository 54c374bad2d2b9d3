"""The record formats, recognised by their fields, and the kind of records in each.

| format              | a record                                                                   |
|---------------------|----------------------------------------------------------------------------|
| `alpaca`            | {instruction, input?, output, system?, history?}                           |
| `sharegpt`          | {conversations: [{from, value}], system?}                                  |
| `messages`          | {messages: [{role, content, loss_weight?}]}, or the bare list of messages  |
| `prompt_completion` | {prompt, completion, context?, system?, history?}                          |
| `text`              | {text}, or a plain text file                                               |
| `text_label`        | {text, label}: a text and its label, a list of labels, or a number         |
| `text_pair_label`   | {text, text_pair, label}: the same for a pair of texts                     |
| `title_label`       | {title, description, label}: the same, with the text in two lines          |
| `X_label`           | a chat format and `label`: whether the last answer is good (true or false) |
| `X_reward`          | a chat format, or `text`, and `reward`: a number                           |
| `prompt_pair`       | {prompt, chosen, rejected, system?}                                        |
| `chat_pair`         | {chosen, rejected}: two chats; their common beginning is the prompt        |
| `chosen_messages`   | {chosen_messages, rejected_messages}: the same                             |
| `X_pair`            | the prompt as in alpaca, sharegpt or messages, and {chosen, rejected}      |
| `X_asked`           | the prompt of a chat format; answers to it, if any, are not read           |

Every record except plain text may have a `weight`, and every chat `tools`. Other names of these
fields are in roles.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from trainables.config.roles import ALIASES


class Gives(StrEnum):
    """The kinds of records that formats give."""

    CHAT = "chats"
    PROMPT = "prompts without answers"
    DOCUMENT = "text without answers"
    LABELLED = "labelled texts"
    PAIR = "pairs of a chosen and a rejected answer"
    JUDGED = "answers judged good or bad"
    RATED = "texts or answers with a reward"


READ_BY: Mapping[str, tuple[Gives, ...]] = {
    "sft": (Gives.CHAT,),
    "clm": (Gives.DOCUMENT,),
    "classification": (Gives.LABELLED,),
    "dpo": (Gives.PAIR,),
    "orpo": (Gives.PAIR,),
    "simpo": (Gives.PAIR,),
    "kto": (Gives.JUDGED, Gives.PAIR),
    "reward": (Gives.PAIR, Gives.RATED),
    "grpo": (Gives.CHAT, Gives.PROMPT),
    "rloo": (Gives.CHAT, Gives.PROMPT),
    "ppo": (Gives.CHAT, Gives.PROMPT),
}
"""The kinds of records that each objective reads, in order of preference."""

LANGUAGE = (Gives.CHAT, Gives.DOCUMENT)
"""The kinds of records for replay files and for sets measured beside the validation set."""

LENIENT = frozenset({"label", "reward"})
"""Fields that may be missing from single records, which are then dropped and counted."""


@dataclass(frozen=True, slots=True)
class Format:
    """`needed` and `optional` are roles of fields; a `foreign` field rules the format out."""

    name: str
    gives: Gives
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ("weight",)
    foreign: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The name of the underlying chat format."""
        return self.name.removesuffix("_label").removesuffix("_reward").removesuffix("_asked")

    def columns(self, record: Mapping[str, object]) -> dict[str, str] | None:
        """From the format's roles to the names of the record's fields; None if one is missing."""
        found = {role: column_of(role, record) for role in (*self.needed, *self.optional)}
        if any(found[role] is None for role in self.needed):
            return None
        if any(field in record for field in self.foreign):
            return None
        return {role: column for role, column in found.items() if column is not None}

    def shown(self) -> str:
        """Name and fields, for messages."""
        return f"{self.name} {{{', '.join(self.needed)}}}"


_RATED_OR_COMPARED = (
    "chosen",
    "rejected",
    "chosen_messages",
    "rejected_messages",
    "label",
    "kto_tag",
)
"""Roles that a plain chat must not have: sft would imitate the bad answers too."""

_CHATS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "alpaca": (("instruction", "output"), ("input", "system", "history", "tools")),
    "sharegpt": (("conversations",), ("system", "tools")),
    "messages": (("messages",), ("system", "tools")),
    "prompt_completion": (
        ("prompt", "completion"),
        ("system", "history", "context", "tools"),
    ),
}
"""The needed and the optional fields of each chat format."""


_PROMPTS = {
    "alpaca": "alpaca",
    "sharegpt": "sharegpt",
    "messages": "messages",
    "prompt_completion": "prompt",
}
"""The pair format that has its prompt from each chat format's first field."""


def _formats() -> Iterator[Format]:
    """All formats, most specific first."""
    pair = ("chosen", "rejected")
    both = ("chosen_messages", "rejected_messages")
    yield Format("chosen_messages", Gives.PAIR, both, ("tools", "weight"))
    for name, prompt in _PROMPTS.items():
        asked, further = _CHATS[name][0][0], _CHATS[name][1]
        yield Format(f"{prompt}_pair", Gives.PAIR, (asked, *pair), (*further, "weight"))
    yield Format("chat_pair", Gives.PAIR, pair, ("tools", "weight"))
    for field, gives in (("reward", Gives.RATED), ("label", Gives.JUDGED)):
        for name, (needed, optional) in _CHATS.items():
            yield Format(f"{name}_{field}", gives, (*needed, field), (*optional, "weight"))
    yield Format("text_reward", Gives.RATED, ("text", "reward"))
    yield Format("text_pair_label", Gives.LABELLED, ("text", "text_pair", "label"))
    yield Format("text_label", Gives.LABELLED, ("text", "label"))
    yield Format("title_label", Gives.LABELLED, ("title", "description", "label"))
    for name, (needed, optional) in _CHATS.items():
        foreign = _RATED_OR_COMPARED if name in ("sharegpt", "messages") else ()
        yield Format(name, Gives.CHAT, needed, (*optional, "weight"), foreign)
    for name, (needed, optional) in _CHATS.items():
        yield Format(f"{name}_asked", Gives.PROMPT, needed[:1], (*optional, "weight"))
    yield Format("text", Gives.DOCUMENT, ("text",), ())


FORMATS = tuple(_formats())


def fitting(record: Mapping[str, object]) -> list[Format]:
    """All formats that fit a record, most specific first."""
    return list(_fitting(frozenset(record)))


@lru_cache
def _fitting(fields: frozenset[str]) -> tuple[Format, ...]:
    """Of records with these fields, as most records of a file have the same."""
    record = dict.fromkeys(fields)
    return tuple(each for each in FORMATS if each.columns(record) is not None)


def objectives_for(formats: list[Format]) -> list[str]:
    """The objectives that read one of the formats."""
    given = [each.gives for each in formats]
    fit = [name for name, wanted in READ_BY.items() if any(each in wanted for each in given)]
    return sorted(fit, key=lambda name: min(given.index(g) for g in READ_BY[name] if g in given))


def column_of(role: str, record: Mapping[str, object]) -> str | None:
    """The record's name of a field: the role's own, or another that is accepted."""
    return next((name for name in (role, *ALIASES.get(role, ())) if name in record), None)

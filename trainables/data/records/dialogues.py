"""Whole dialogues written as one text, as turns.

The text begins with a speaker's mark: "\\n\\nHuman: " as in hh-rlhf, "USER: ", "### Human: ",
"Q: ", "### Instruction:", ChatML's "<|im_start|>user" or "<|user|>".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainables.data.records.conversation import Message, Role

_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "human": ("assistant", "ai", "bot", "gpt"),
    "user": ("assistant", "ai", "bot", "model"),
    "question": ("answer",),
    "q": ("a",),
    "instruction": ("response",),
}
"""The names of a dialogue's user, each with the names of those who answer."""

_FIRST = re.compile(rf"(?:\A|\n)\s*(#{{0,3}} ?)({'|'.join(_ANSWERS)}):", re.IGNORECASE)
_SYSTEM = re.compile(r"\s*#{0,3} ?system:", re.IGNORECASE)
_CHATML = re.compile(
    r"<\|im_start\|>(system|user|assistant)\n(.*?)(?:<\|im_end\|>\s*|\Z)", re.DOTALL
)
_TAGGED = re.compile(
    r"<\|(system|user|prompter|assistant)\|>\n?(.*?)"
    r"(?=\s*(?:<\|endoftext\|>|</s>|<\|(?:system|user|prompter|assistant)\|>|\Z))",
    re.DOTALL,
)
_TAGS: Mapping[str, Role] = {
    "system": "system",
    "user": "user",
    "prompter": "user",
    "assistant": "assistant",
}
_INLINE = ("human", "user")
"""Users whose dialogues may be on one line; the marks of others are too short for that."""

_OPEN = re.compile(r"\n\nAssistant:\s*\Z")


def dialogue(text: str) -> tuple[Message, ...]:
    """The turns of a text that is a dialogue with a user; none if it is not."""
    tagged = _CHATML.findall(text) if "<|im_start|>" in text else _TAGGED.findall(text)
    if text.lstrip().startswith("<|") and tagged:
        turns = [Message.of(_TAGS[name], said) for name, said in tagged]
    else:
        turns = _marked(text)
    return tuple(turns) if any(turn.role == "user" for turn in turns) else ()


def open_dialogue(text: str) -> tuple[Message, ...]:
    """The turns of a prompt that ends with the assistant's mark, as in hh-rlhf; else none."""
    if not _OPEN.search(text):
        return ()
    turns = dialogue(_OPEN.sub("", text))
    return turns if turns and turns[-1].role == "user" else ()


def common_lines(first: str, second: str) -> str:
    """The whole lines with which both texts begin; empty if there are none."""
    pairs = enumerate(zip(first, second, strict=False))
    end = next((n for n, (one, other) in pairs if one != other), min(len(first), len(second)))
    return first[: first.rfind("\n", 0, end) + 1]


def _marked(text: str) -> list[Message]:
    first = _FIRST.search(text)
    if first is None or not (not text[: first.start()].strip() or _SYSTEM.match(text)):
        return []
    begin, name = first.groups()
    answers = _ANSWERS[name.lower()]
    between = [
        "\n\n",
        r"\n\s*",
        *([r"\s*" if begin else r"\s+"] if name.lower() in _INLINE else []),
    ]
    found = (_marks(text, begin, each, (name, *answers)) for each in between)
    marks = next((each for each in found if len(each) > 1), [])
    if not marks:
        return []
    return [
        Message.of(_role(mark[1].lower(), answers), text[mark.end() : after].strip())
        for mark, after in zip(marks, [*(m.start() for m in marks[1:]), len(text)], strict=True)
    ]


def _marks(text: str, begin: str, between: str, names: tuple[str, ...]) -> list[re.Match[str]]:
    listed = "|".join((*names, "system"))
    mark = rf"(?:\A\s*|{between}){re.escape(begin)}({listed}):\s?"
    return list(re.finditer(mark, text, re.IGNORECASE))


def _role(name: str, answers: tuple[str, ...]) -> Role:
    if name == "system":
        return "system"
    return "assistant" if name in answers else "user"

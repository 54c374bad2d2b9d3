"""The table in docs/data.md of real chat templates: what becomes of five chats, beside TRL's twins.

`python tests/helpers/template_table.py` writes it; a test checks that it is up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from chat_templates import names, template, tokenizer_of, twin

from trainables.data.records.conversation import Conversation, Message, ToolCall
from trainables.data.rendering.remarks import Remark
from trainables.data.rendering.rendering import Rendered, render

DOCS = Path(__file__).parents[2] / "docs" / "data.md"
BEGIN, END = "<!-- templates -->\n", "<!-- end of templates -->\n"

TOOL = {
    "type": "function",
    "function": {
        "name": "find_town",
        "description": "Finds a town.",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string", "description": "its name"}},
            "required": ["town"],
        },
    },
}

THOUGHTS = ("France is in Europe.", "Italy is, too.")
ASKED = ("What is the capital of France?", "And that of Italy?")
ANSWERS = ("It is Paris.", "That is Rome.")
SYSTEM = "Be brief and kind."
CALL, RESULT, SAID = '{"town": "Lyon"}', "45.7 N, 4.8 E", "In the south."


def thought(number: int) -> str:
    """An answer with its reasoning, as data sets write it."""
    return f"<think>\n{THOUGHTS[number]}\n</think>\n\n{ANSWERS[number]}"


def _chat(*turns: tuple[str, str], tools: str = "") -> Conversation:
    return Conversation(tuple(Message.of(*turn) for turn in turns), "chats.json row 1", tools=tools)


CHATS = {
    "one answer": _chat(("user", ASKED[0]), ("assistant", ANSWERS[0])),
    "system turn": _chat(("system", SYSTEM), ("user", ASKED[0]), ("assistant", ANSWERS[0])),
    "two answers": _chat(
        ("user", ASKED[0]), ("assistant", ANSWERS[0]), ("user", ASKED[1]), ("assistant", ANSWERS[1])
    ),
    "with thoughts": _chat(
        ("user", ASKED[0]), ("assistant", thought(0)), ("user", ASKED[1]), ("assistant", thought(1))
    ),
    "tools": Conversation(
        (
            Message.of("user", "Where is Lyon?"),
            Message("assistant", "", True, tool_calls=(ToolCall("find_town", CALL),)),
            Message.of("tool", RESULT),
            Message.of("assistant", SAID),
        ),
        "chats.json row 1",
        tools=json.dumps([TOOL]),
    ),
}

WHOLE = {
    "one answer": (ANSWERS[:1],),
    "system turn": (ANSWERS[:1],),
    "two answers": (ANSWERS[:1], ANSWERS[1:]),
    "with thoughts": ((THOUGHTS[0], ANSWERS[0]), (THOUGHTS[1], ANSWERS[1])),
    "tools": (("find_town", "Lyon"), (SAID,)),
}
"""The texts to find in each answer."""

NOTES = {
    "s": "the system text stands before the first question",
    "p": "content is given as a list of parts",
    "c": "tools and calls are plain text",
    "=": "equal to the mask of the twin, but for white space behind the end of a turn",
    "h": "the twin marks text that is in the prompt already: a header, or a thought it opens",
    "t": "the model learns to close the thought that the prompt opens; the twin's prompt has none",
    "e": "the twin learns eos behind the end of the turn; here the end is learned once",
    "u": "the twin learns the next header as the end of a turn, here eos is",
    "r": "the twin ends an answer before others in another way than at inference",
    "g": "the model learns the token at which it stops for a result, and the header that the "
    "prompt behind a result lacks; the twin marks neither",
    "l": "the twin loses a part of the chat, or refuses it",
    "-": "there is no twin",
}


@dataclass(frozen=True)
class Piece:
    """One learned stretch, and all text before it."""

    prompt: str
    text: str


def pieces(rendered: Rendered, tokenizer) -> list[Piece]:
    """The learned stretches of a chat's examples, in order."""
    found = []
    for tokens, targets in rendered.sequences:
        at = 0
        for trained, run in groupby(targets.tolist()):
            end = at + len(list(run))
            if trained:
                found.append(Piece(tokenizer.decode(tokens[:at]), tokenizer.decode(tokens[at:end])))
            at = end
    return found


def messages(chat: Conversation, *, fields: bool, parts: bool) -> list[dict]:
    """The chat as people write it for `apply_chat_template`."""
    turns = []
    for turn in chat.messages:
        content: object = turn.content
        more: dict = {}
        if fields and "</think>" in turn.content:
            reasoning, _, answer = turn.content.removeprefix("<think>\n").partition(
                "\n</think>\n\n"
            )
            content, more = answer, dict.fromkeys(("reasoning_content", "thinking"), reasoning)
        if turn.tool_calls:
            function = {"name": "find_town", "arguments": json.loads(CALL)}
            more = {"tool_calls": [{"id": "call00001", "type": "function", "function": function}]}
        if turn.role == "tool":
            more = {"name": "find_town", "tool_call_id": "call00001"}
        given = [{"type": "text", "text": content}] if parts else content
        turns.append({"role": turn.role, "content": given, **more})
    return turns


def twins(name: str, chat: Conversation, tokenizer) -> Iterator[list[str]]:
    """What TRL's twin marks of each answer, in each spelling of the chat that it takes."""
    from transformers.utils.chat_template_utils import render_jinja_template

    for fields in (True, False):
        for parts in (False, True):
            turns = messages(chat, fields=fields, parts=parts)
            with suppress(Exception):  # not every template takes every spelling
                (text,), (spans,) = render_jinja_template(
                    [turns],
                    tools=[TOOL] if chat.tools else None,
                    chat_template=twin(name),
                    return_assistant_tokens_mask=True,
                    **tokenizer.special_tokens_map,
                )
                yield _joined(text, [span for span in spans if span[1] > span[0]])


def _joined(text: str, spans: list[tuple[int, int]]) -> list[str]:
    """The marked texts; those with nothing between them are one."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [text[start:end] for start, end in merged]


def difference(name: str, chat_name: str, learned: list[Piece], tokenizer) -> str:
    """How the learned text differs from the twin's, as a letter of NOTES; ? if unknown."""
    if twin(name) is None:
        return "-"
    found = [_letters(learned, each) for each in twins(name, CHATS[chat_name], tokenizer)]
    known = [each for each in found if "?" not in each]
    if known:
        return min(known, key=lambda letters: (letters != "=", len(letters)))
    whole = all(
        all(text in marked for texts in WHOLE[chat_name] for text in texts)
        for marked in map("".join, twins(name, CHATS[chat_name], tokenizer))
    )
    return "?" if whole and found else "l"


def _letters(learned: list[Piece], marked: list[str]) -> str:
    if len(learned) != len(marked):
        return "?"
    letters = {_letter(piece, text) for piece, text in zip(learned, marked, strict=True)}
    return "".join(sorted(letters - {"="})) or "="


def _letter(piece: Piece, marked: str) -> str:
    text, marked = piece.text, marked.rstrip()
    if marked == text:
        return "="
    if marked == f"{text}\n</s>":
        return "e"
    if text.endswith("</s>") and marked.endswith("<|user|>" if "tool" not in text else "|>"):
        return "u" if text.removesuffix("</s>") == marked.rpartition("<|")[0] else "?"
    if marked.endswith(text) and _is_in(piece.prompt, marked.removesuffix(text)):
        return "h"
    if text.startswith("\n</think>\n\n"):
        behind = text.removeprefix("\n</think>\n\n")
        return "t" if marked.endswith(behind) and "</think>" not in marked else "?"
    if text.startswith("<|turn>model\n") or text.endswith("<|tool_response>"):
        own = text.removeprefix("<|turn>model\n").removesuffix("<|tool_response>")
        return "g" if marked == own else "?"
    if marked.endswith("<|end|>") and text.endswith("<|return|>"):
        inner = marked.removesuffix("<|end|>")
        return "r" if inner.endswith(text.removesuffix("<|return|>")) else "?"
    return "?"


def _is_in(prompt: str, text: str) -> bool:
    return prompt.rstrip().endswith(text.strip())


def cell(name: str, chat_name: str) -> tuple[str, str]:
    """A chat's number of examples with letters of NOTES, and its difference from the twin."""
    tokenizer = tokenizer_of(template(name))
    chat = CHATS[chat_name]
    (rendered,) = render([chat], tokenizer)
    if rendered.fault:
        return rendered.fault.reason, "-"
    letters = {"s": Remark.SYSTEM, "c": Remark.CALLS}
    noted = "".join(each for each, remark in letters.items() if remark in rendered.remarks)
    if name in PARTS:
        noted += "p"
    shown = f"{len(rendered.sequences)} {noted}".strip()
    return shown, difference(name, chat_name, pieces(rendered, tokenizer), tokenizer)


PARTS = ("idefics3", "llava_next", "smolvlm")
"""Templates that write content only as a list of parts."""


def table() -> str:
    """The table, in Markdown."""
    heads = [*CHATS, "beside TRL's twin"]
    lines = [f"| template | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    for name in names():
        cells = [cell(name, chat) for chat in CHATS]
        beside = " ".join(each for _, each in cells)
        lines.append(f"| {name} | {' | '.join(shown for shown, _ in cells)} | {beside} |")
    said = "; ".join(f"`{letter}`: {note}" for letter, note in NOTES.items())
    return "\n".join(lines) + f"\n\n{said}.\n"


def written() -> str:
    """The table as it stands in the docs."""
    return DOCS.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Write the table into the docs."""
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    DOCS.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()

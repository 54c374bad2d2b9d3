"""From conversations to token ids, of which only the answers are trained.

A tokenizer's own chat template is used if it has one (chat.py); otherwise the default template is,
whose only special token is eos:

    ### System:\\n{system}\\n\\n### User:\\n{question}\\n\\n### Assistant:\\n{answer}{eos}

with "\\n\\n" between an eos and the next header, and "### Tool:" above a tool's result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby, islice, takewhile

from trainables.core.data_error import DataError, shown
from trainables.data.records.conversation import Conversation, Role
from trainables.data.rendering.chat import Manner, ShapedChat, Text
from trainables.data.rendering.chat_template import ChatTemplate
from trainables.data.rendering.deadline import Deadline
from trainables.data.rendering.form import (
    PLAIN,
    Calls,
    Content,
    Form,
    Reasoning,
    System,
    forms,
    shaped,
)
from trainables.data.rendering.remarks import Remark
from trainables.data.rendering.unfit import Step, UnfitError
from trainables.data.tokens.segment import Segment
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer, encode, leading_bos, require_eos

DEFAULT_HEADERS: Mapping[Role, str] = {
    "system": "### System:\n",
    "user": "### User:\n",
    "assistant": "### Assistant:\n",
    "tool": "### Tool:\n",
}
"""The default template's header of each turn; TURN_SEPARATOR separates turns."""

TURN_SEPARATOR = "\n\n"

_CHUNK = 1000

_FAULTS: Mapping[Step, str] = {
    Step.REFUSED: "refuses this chat ({what}); change the chat",
    Step.ANSWER: "does not write the answer {what}; change the chat",
    Step.TOOLS: "does not write the tool {what}; remove the tools",
    Step.RESULT: "does not write the tool's result {what}; make it a turn by the user",
    Step.QUESTION: "does not write the question {what}; change the chat",
    Step.CALL: "does not write {what} of a call; write the call into the content",
    Step.REASONING: "does not write the reasoning {what}; set data.reasoning: drop",
    Step.SEVERAL: "changes the turns before an answer, so its prompt is unknown; change the chat",
    Step.SYSTEM: "does not write the system text {what}; move it into the question",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The sequences of one chat, in which each trained answer is learned once.

    `remarks` count what was done to render it (see remarks.py). If the template refuses the chat or
    loses a part of it in every form, there are no sequences, and a `fault`.
    """

    sequences: tuple[TokenSequence, ...]
    remarks: Mapping[str, int] = field(default_factory=dict)
    fault: DataError | None = None

    @property
    def whole(self) -> TokenSequence:
        """The only sequence."""
        (sequence,) = self.sequences
        return sequence


@dataclass(frozen=True, slots=True)
class _Texts:
    """The examples of a chat as text, and remarks on them."""

    texts: tuple[Text, ...]
    remarks: Mapping[str, int] = field(default_factory=dict)
    fault: DataError | None = None


def render(chats: Iterable[Conversation], tokenizer: Tokenizer) -> Iterator[Rendered]:
    """The sequences of each chat, in order; targets are its answers with their ends of turn.

    Each chat must have a trained answer (see Conversation.reason_to_drop). With a chat template
    the ids are those of `apply_chat_template`; with the default one, a bos comes first if the
    tokenizer adds it to any text.
    """
    return (rendered for (rendered,) in _render(((chat,) for chat in chats), tokenizer, False))


def render_whole(chats: Iterable[Conversation], tokenizer: Tokenizer) -> Iterator[Rendered]:
    """The same, with one sequence for each chat."""
    return (rendered for (rendered,) in _render(((chat,) for chat in chats), tokenizer, True))


def render_pairs(
    pairs: Iterable[tuple[Conversation, Conversation]], tokenizer: Tokenizer
) -> Iterator[tuple[Rendered, Rendered]]:
    """The same for two chats with one prompt, both given to the template in the same form."""
    return ((first, second) for first, second in _render(pairs, tokenizer, True))


def _render(
    groups: Iterable[tuple[Conversation, ...]], tokenizer: Tokenizer, in_one: bool
) -> Iterator[tuple[Rendered, ...]]:
    bos = [] if tokenizer.chat_template else leading_bos(tokenizer)
    remaining = iter(groups)
    with Deadline() as deadline:
        template = ChatTemplate(tokenizer, deadline) if tokenizer.chat_template else None
        while chunk := list(islice(remaining, _CHUNK)):
            written = [
                _by_template(group, template, in_one) if template else _by_default(group, tokenizer)
                for group in chunk
            ]
            texts = [text for group in written for chat in group for text in chat.texts]
            sequences = _tokenise(texts, tokenizer, bos)
            for group in written:
                yield tuple(
                    Rendered(tuple(islice(sequences, len(chat.texts))), chat.remarks, chat.fault)
                    for chat in group
                )


def _by_default(group: Sequence[Conversation], tokenizer: Tokenizer) -> list[_Texts]:
    eos = require_eos(tokenizer)[0]
    return [
        _Texts(
            (_default_text(shaped(chat, PLAIN).up_to_last_answer(), eos),),
            _remarks(chat, PLAIN, Manner(), 1),
        )
        for chat in group
    ]


def _default_text(chat: Conversation, eos: str) -> Text:
    parts: list[Segment] = []
    prompt = ""
    for place, message in enumerate(chat.messages):
        prompt += (TURN_SEPARATOR if place else "") + DEFAULT_HEADERS[message.role]
        ending = eos if message.role == "assistant" else ""
        if message.trainable:
            parts += [Segment(prompt, False), Segment(message.content + ending, True)]
            prompt = ""
        else:
            prompt += message.content + ending
    return tuple(parts)


def _by_template(
    group: Sequence[Conversation], template: ChatTemplate, in_one: bool
) -> list[_Texts]:
    """The chats in the plainest form that loses nothing of any of them."""
    furthest: UnfitError | None = None
    for by_text in (False, True):
        manner = Manner(by_text, in_one)
        for form in forms(group):
            try:
                texts = [ShapedChat(chat, form, template).texts(manner) for chat in group]
                _check_one_prompt(texts)
            except UnfitError as fault:
                if furthest is None or _says_more(fault, furthest, form):
                    furthest = fault
                continue
            return [
                _Texts(each, _remarks(chat, form, manner, len(each)))
                for chat, each in zip(group, texts, strict=True)
            ]
    assert furthest is not None, "there is always a form to try"
    return [_Texts((), fault=_error(group[0], furthest))] * len(group)


def _says_more(fault: UnfitError, known: UnfitError, form: Form) -> bool:
    """Whether a fault in a later form is the better explanation of the two.

    Few templates read content as parts; the faults of others there are beside the point.
    """
    if form.content is Content.PARTS and not known.is_a_slip:
        return False
    return fault.step >= known.step


def _check_one_prompt(chats: Sequence[tuple[Text, ...]]) -> None:
    """UnfitError if the texts of a pair differ before the answers."""
    prompts = {
        "".join(part.text for part in takewhile(lambda part: not part.trained, texts[0]))
        for texts in chats
    }
    if len(prompts) > 1:
        raise UnfitError(Step.SEVERAL)


def _remarks(chat: Conversation, form: Form, manner: Manner, examples: int) -> dict[str, int]:
    in_fields = any(message.reasoning for message in chat.messages)
    calls = bool(chat.tools) or any(message.tool_calls for message in chat.messages)
    done = {
        Remark.SEVERAL: examples > 1,
        Remark.EXAMPLES: examples if examples > 1 else 0,
        Remark.SYSTEM: form.system is System.QUESTION,
        Remark.REASONING: in_fields and form.reasoning is Reasoning.CONTENT,
        Remark.CALLS: calls and form.calls >= Calls.TEXT,
        Remark.BY_TEXT: manner.by_text,
    }
    return {remark.value: int(count) for remark, count in done.items() if count}


def _error(chat: Conversation, fault: UnfitError) -> DataError:
    turn = f" turn {fault.turn}" if fault.turn else ""
    what = fault.what if fault.step is Step.REFUSED else shown(fault.what)
    said = _FAULTS[fault.step].format(what=what)
    return DataError(
        f"{chat.where}{turn}: the chat template {said}, or set data.template to another template",
        f"{'refused' if fault.step is Step.REFUSED else 'changed'} by the chat template",
    )


def _tokenise(
    texts: Sequence[Text], tokenizer: Tokenizer, bos: Sequence[int]
) -> Iterator[TokenSequence]:
    texts = [_merged(text) for text in texts]
    beginnings = [list(accumulate(part.text for part in text)) for text in texts]
    encoded = iter(encode(tokenizer, [each for listed in beginnings for each in listed]))
    for text in texts:
        tokens, targets = list(bos), [False] * len(bos)
        pieces = _cut(text, list(islice(encoded, len(text))), tokenizer)
        for part, piece in zip(text, pieces, strict=True):
            tokens += piece
            targets += [part.trained] * len(piece)
        yield TokenSequence.of(tokens, targets)


def _merged(text: Text) -> Text:
    """The text in as few stretches as possible: each border may part a token."""
    alike = groupby((part for part in text if part.text), key=lambda part: part.trained)
    return tuple(Segment("".join(part.text for part in parts), flag) for flag, parts in alike)


def _cut(text: Text, beginnings: Sequence[list[int]], tokenizer: Tokenizer) -> list[list[int]]:
    """The ids of each segment, so that a prompt has the same ids as at inference.

    `beginnings` are the ids of the chat up to the end of each segment. A segment's ids are those it
    adds, unless a token crosses its border: then the segment is encoded by itself.
    """
    pieces: list[list[int]] = []
    before: list[int] = []
    for part, upto in zip(text, beginnings, strict=True):
        joined = upto[: len(before)] == before
        pieces.append(upto[len(before) :] if joined else encode(tokenizer, [part.text])[0])
        before = upto
    return pieces

"""One answer as written by a chat template: its prompt, and what the model learns to write.

The prompt is the one of inference, character for character. The answer is what the template writes
behind it, with the token that ends the turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from trainables.data.records.conversation import Message
from trainables.data.rendering.chat_template import ChatTemplate, Span, Written
from trainables.data.rendering.texts import check_whole, content_of
from trainables.data.rendering.thoughts import apart
from trainables.data.rendering.unfit import Step, UnfitError
from trainables.data.tokens.segment import Segment

_TAG = r"[\w:]*(?:think|thought|reason|reflect)[\w:]*"

_OPENED = re.compile(rf"(?:<({_TAG})>|\[({_TAG})\])\s*\Z", re.IGNORECASE)
"""A thought that a prompt opens, for the model to go on."""

_EMPTY = re.compile(rf"<({_TAG})>\s*</\1>\s*\Z", re.IGNORECASE)
"""A thought that a prompt opens and closes: the model is not to think."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`parts` are the answer's text behind `prompt`, in trained and untrained stretches."""

    prompt: str
    parts: tuple[Segment, ...]

    @property
    def seen(self) -> str:
        """The whole text of the answer."""
        return "".join(part.text for part in self.parts)

    @property
    def trained(self) -> str:
        """The learned text of the answer."""
        return "".join(part.text for part in self.parts if part.trained)


def answer_of(
    message: Message, prompt: str, written: Written, template: ChatTemplate, turn: int
) -> Answer:
    """The last answer of `written`, behind `prompt`; UnfitError if it is not there whole."""
    begin, lead = _border(message, prompt, written.text)
    if template.marks:
        parts = _marked(written, begin, template)
    else:
        parts = (Segment(written.text[begin:], trained=True),)
    led = (Segment(lead, trained=True), *parts) if lead else parts
    return _checked(message, Answer(prompt, _ended(message, led, template)), turn)


def found_answer(
    message: Message, prompt: str, written: Written, template: ChatTemplate, turn: int
) -> Answer:
    """The last answer of `written`, found by its text behind all that it shares with `prompt`.

    For templates whose prompts are not the beginning of what they write with an answer.
    """
    shared = _shared(prompt, written.text)
    needle = apart(message).reasoning.strip() or content_of(message)
    begin = written.text.find(needle, shared) if needle else -1
    if begin < 0:
        raise UnfitError(Step.ANSWER, needle[:40], turn)
    # White space before an answer may be its own, so it is never part of the prompt.
    begin = max(shared, len(written.text[:begin].rstrip()))
    parts = (Segment(written.text[begin:], trained=True),)
    answer = Answer(written.text[:begin], _ended(message, parts, template))
    return _checked(message, answer, turn)


def _shared(one: str, other: str) -> int:
    """Number of leading characters in common."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def end_of_turn(text: str, at: int, added: Sequence[str]) -> int:
    """The end of the tokens that directly follow a text which ends at `at`."""
    while following := [len(each) for each in added if text.startswith(each, at)]:
        at += max(following)
    return at


def stretches(text: str, spans: Sequence[Span], begin: int, end: int) -> Iterator[Segment]:
    """The text from `begin` to `end`, trained inside the spans."""
    at = begin
    for span in spans:
        start, stop = max(span.start, at), min(span.end, end)
        if stop <= start:
            continue
        if start > at:
            yield Segment(text[at:start], trained=False)
        yield Segment(text[start:stop], trained=True)
        at = stop
    if end > at:
        yield Segment(text[at:end], trained=False)


def with_ends(written: Written, added: Sequence[str]) -> list[Span]:
    """The marked spans; one that stops before the token that ends the turn is extended by it."""
    spans = []
    for start, end in written.marked:
        ended = written.text[start:end].rstrip().endswith(tuple(added))
        spans.append(Span(start, end if ended else end_of_turn(written.text, end, added)))
    return spans


def _checked(message: Message, answer: Answer, turn: int) -> Answer:
    check_whole(message, answer.trained, answer.seen, turn)
    return answer


def _border(message: Message, prompt: str, text: str) -> tuple[int, str]:
    """Where the answer begins in a text, and what the model writes before that.

    The template may write the white space at the end of its prompt differently. Where it leaves out
    the thought that its prompt opens, the model learns to close it.
    """
    if text.startswith(prompt):
        return len(prompt), ""
    bare = prompt.rstrip()
    if text.startswith(bare):
        return _behind_space(text, len(bare)), ""
    reasoning = apart(message).reasoning.strip()
    if opened := _OPENED.search(prompt):
        before = prompt[: opened.start()]
        if text.startswith(before):
            tag = f"</{opened[1]}>" if opened[1] else f"[/{opened[2]}]"
            return _behind_space(text, len(before)), f"{reasoning}\n{tag}\n\n"
    if (closed := _EMPTY.search(prompt)) and not reasoning:
        before = prompt[: closed.start()]
        if text.startswith(before):
            return _behind_space(text, len(before)), ""
    raise UnfitError(Step.SEVERAL)


def _behind_space(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _marked(written: Written, begin: int, template: ChatTemplate) -> tuple[Segment, ...]:
    spans = with_ends(written, template.added)
    end = max((span.end for span in spans), default=0)
    if end <= begin:
        raise UnfitError(Step.ANSWER)
    return tuple(stretches(written.text, spans, begin, end))


def _ended(
    message: Message, parts: Sequence[Segment], template: ChatTemplate
) -> tuple[Segment, ...]:
    """The parts up to the token that ends the turn; eos, if the template writes nothing there."""
    *before, last = parts
    text = last.text
    if not template.marks:
        text = _without_space(text, template)
    if not template.ends_turns and not text.rstrip().endswith(template.eos):
        return (*before, Segment(_up_to_content(message, text), True), Segment(template.eos, True))
    return (*before, Segment(text, last.trained))


def _without_space(text: str, template: ChatTemplate) -> str:
    """The text without white space behind its last token, and without an eos behind that."""
    trimmed = text.rstrip()
    if not trimmed.endswith(template.added):
        return text
    if template.repeats_eos:
        return trimmed.removesuffix(template.eos_if_any).rstrip()
    return trimmed


def _up_to_content(message: Message, text: str) -> str:
    """The text without the template's white space behind the content."""
    content = message.content
    at = text.rfind(content)
    if content and not message.tool_calls and at >= 0 and not text[at + len(content) :].strip():
        return text[: at + len(content)]
    return text.rstrip()

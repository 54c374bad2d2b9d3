"""A chat as examples: as few renderings as hold every answer with the prompt of inference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainables.data.records.conversation import Conversation, Message, Role
from trainables.data.rendering.answer import (
    Answer,
    answer_of,
    end_of_turn,
    found_answer,
    stretches,
    with_ends,
)
from trainables.data.rendering.chat_template import ChatTemplate, Span
from trainables.data.rendering.form import Content, Form, Turn, shaped, tools_of, turns_of
from trainables.data.rendering.texts import check_whole, content_of, is_written
from trainables.data.rendering.thoughts import apart
from trainables.data.rendering.unfit import Step, UnfitError
from trainables.data.tokens.segment import Segment

_AS_DATA = re.compile(r"""["']type["']: ["']text["']""")
"""A list of parts that is written as such, instead of the texts in it."""

_STEPS: Mapping[Role, Step] = {
    "system": Step.SYSTEM,
    "user": Step.QUESTION,
    "tool": Step.RESULT,
}

Text = tuple[Segment, ...]
"""One example as text, in trained and untrained stretches."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How answers are found: `by_text` if prompts do not fit; `in_one` if one example is needed."""

    by_text: bool = False
    in_one: bool = False


class ShapedChat:
    """A chat in one form, and what a template writes of it."""

    def __init__(self, chat: Conversation, form: Form, template: ChatTemplate) -> None:
        chat = shaped(chat, form).up_to_last_answer()
        self.messages = chat.messages
        self.trained = [at for at, message in enumerate(chat.messages) if message.trainable]
        self._turns: list[Turn] = turns_of(chat.messages, form)
        self._tools = tools_of(chat)
        self._options = form.options
        self._parts = form.content is Content.PARTS
        self._template = template

    def texts(self, manner: Manner) -> tuple[Text, ...]:
        """The examples; UnfitError if an answer cannot be found whole."""
        if whole := self._by_marks():
            return (whole,)
        answers = [self._answer(at, manner) for at in self.trained]
        self._check_prompt(answers[-1].prompt)
        chains = tuple(_chains(answers))
        if len(chains) > 1 and manner.in_one:
            return (self._in_one(answers),)
        return chains

    def _by_marks(self) -> Text | None:
        """The whole chat with the template's own marks, if all answers in it are to be learned."""
        answers = [at for at, each in enumerate(self.messages) if each.role == "assistant"]
        if not self._template.marks or answers != self.trained:
            return None
        written = self._template.answered(self._turns, self._tools, self._options)
        spans = with_ends(written, self._template.added)
        end = max((span.end for span in spans), default=0)
        if not spans:
            raise UnfitError(Step.ANSWER)
        text = tuple(stretches(written.text, spans, 0, end))
        try:
            self._check_marked(text)
        except UnfitError:
            return None
        self._check_prompt(written.text)
        if not self._template.ends_turns:
            return None
        return text

    def _check_marked(self, text: Text) -> None:
        trained = "".join(part.text for part in text if part.trained)
        seen = "".join(part.text for part in text)
        for at in self.trained:
            message = self.messages[at]
            check_whole(message, trained, seen, at + 1)
            # The next answer is looked for behind this one.
            for needle in (apart(message).reasoning.strip(), content_of(message)):
                trained = trained.partition(needle)[2] if needle and needle in trained else trained
                seen = seen.partition(needle)[2] if needle else seen

    def _answer(self, at: int, manner: Manner) -> Answer:
        prompt = self._template.prompt(self._turns[:at], self._tools, self._options)
        written = self._template.answered(self._turns[: at + 1], self._tools, self._options)
        if self._parts and _AS_DATA.search(written.text):
            raise UnfitError(Step.ANSWER, content_of(self.messages[at])[:40], at + 1)
        find = found_answer if manner.by_text else answer_of
        return find(self.messages[at], prompt, written, self._template, at + 1)

    def _check_prompt(self, prompt: str) -> None:
        """UnfitError if the template leaves out a turn before the last answer, or a tool."""
        for place, message in enumerate(self.messages):
            if message.role in _STEPS and not is_written(message.content, prompt):
                raise UnfitError(_STEPS[message.role], message.content.strip()[:40], place + 1)
        for name in _tool_names(self._tools or ()):
            if name not in prompt:
                raise UnfitError(Step.TOOLS, name)

    def _in_one(self, answers: Sequence[Answer]) -> Text:
        """The last answer with its prompt, in which the earlier answers are found by their text."""
        prompts = {at: each.prompt for at, each in zip(self.trained, answers, strict=True)}
        last, spans, at = answers[-1], list[Span](), 0
        text = last.prompt
        for place, message in enumerate(self.messages[: self.trained[-1]]):
            found = _found(message, text, at)
            if place in prompts:
                if message.tool_calls or found is None:
                    raise UnfitError(Step.SEVERAL, turn=place + 1)
                prompt = prompts[place]
                fits = text.startswith(prompt) and at <= len(prompt) <= found.start
                end = end_of_turn(text, found.end, self._template.added)
                spans.append(Span(len(prompt) if fits else found.start, end))
            at = found.end if found else at
        return (*stretches(text, spans, 0, len(text)), *last.parts)


def _found(message: Message, text: str, at: int) -> Span | None:
    """Where a turn stands in a text behind `at`: from its first words to its last."""
    needles = filter(None, (apart(message).reasoning.strip(), content_of(message)))
    start = None
    for needle in needles:
        found = text.find(needle, at)
        if found < 0:
            return None
        start, at = found if start is None else start, found + len(needle)
    return None if start is None else Span(start, at)


def _chains(answers: Sequence[Answer]) -> Iterator[Text]:
    """Answers joined into one example as long as each prompt goes on from the answer before."""
    parts: list[Segment] = []
    written = ""
    for answer in answers:
        if parts and answer.prompt.startswith(written):
            parts.append(Segment(answer.prompt[len(written) :], trained=False))
        else:
            if parts:
                yield tuple(parts)
            parts = [Segment(answer.prompt, trained=False)]
        parts += answer.parts
        written = answer.prompt + answer.seen
    yield tuple(parts)


def _tool_names(tools: Sequence[object]) -> Iterator[str]:
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str):
            yield name

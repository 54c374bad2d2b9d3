"""A tokenizer's chat template: what it writes for some turns, and which of that it marks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from trainables.core.data_error import DataError, said
from trainables.data.rendering.deadline import SECONDS, Deadline, OverrunError
from trainables.data.rendering.form import Turn
from trainables.data.rendering.unfit import Step, UnfitError
from trainables.data.tokens.tokenizer import Tokenizer, require_eos

_MARKED = re.compile(r"\{%-?\s*generation\s*-?%\}")

_QUESTION, _ANSWER = "Question 7", "Answer 7"
"""Texts of a chat that shows how a template ends a turn."""


class Span(NamedTuple):
    """A range of characters."""

    start: int
    end: int


class Written(NamedTuple):
    """A chat as written by a template, and the parts that it marks as generated, if it does."""

    text: str
    marked: tuple[Span, ...] = ()


class ChatTemplate:
    """The template of a tokenizer that has one."""

    def __init__(self, tokenizer: Tokenizer, deadline: Deadline) -> None:
        self._tokenizer = tokenizer
        self._deadline = deadline
        self.added = tuple(tokenizer.get_added_vocab())
        written = tokenizer.chat_template
        texts = written.values() if isinstance(written, dict) else [written or ""]
        self.marks = any(_MARKED.search(text) for text in texts)

    @property
    def eos(self) -> str:
        """The end-of-sequence token; DataError if there is none."""
        return require_eos(self._tokenizer)[0]

    @property
    def eos_if_any(self) -> str:
        """The end-of-sequence token, or an empty text."""
        return self._tokenizer.eos_token or ""

    @cached_property
    def end_of_turn(self) -> str | None:
        """What is written behind the answer of a short chat; None if that is not known."""
        end = self._end_of_probe(2)
        return None if end is None else end.strip()

    @cached_property
    def ends_turns(self) -> bool:
        """Whether anything but white space is written after an answer."""
        return self.end_of_turn != ""

    @cached_property
    def repeats_eos(self) -> bool:
        """Whether eos stands behind the end of the last turn only, as with Phi-3."""
        last, earlier = (self._end_of_probe(turns) for turns in (2, 3))
        eos = self.eos_if_any
        if not last or not earlier or not eos or not last.rstrip().endswith(eos):
            return False
        own = last.rstrip().removesuffix(eos)
        return bool(own.strip()) and not earlier.startswith(own + eos)

    def _end_of_probe(self, turns: int) -> str | None:
        """The text behind the answer of a chat of two or three turns; None if it is not there."""
        probe = [("user", _QUESTION), ("assistant", _ANSWER), ("user", _QUESTION)]
        for parts in (False, True):
            listed: list[Turn] = [
                {"role": role, "content": [{"type": "text", "text": text}] if parts else text}
                for role, text in probe[:turns]
            ]
            with suppress(UnfitError):
                written = self.answered(listed, None, {}).text
                if _ANSWER in written:
                    return written.rpartition(_ANSWER)[2]
        return None

    def prompt(
        self, turns: Sequence[Turn], tools: list[object] | None, options: Mapping[str, bool]
    ) -> str:
        """The turns as the model sees them at inference, before it answers."""
        return self._written(turns, tools, options, prompt=True).text

    def answered(
        self, turns: Sequence[Turn], tools: list[object] | None, options: Mapping[str, bool]
    ) -> Written:
        """The turns up to an answer."""
        return self._written(turns, tools, options, prompt=False)

    def _written(
        self,
        turns: Sequence[Turn],
        tools: list[object] | None,
        options: Mapping[str, bool],
        *,
        prompt: bool,
    ) -> Written:
        def write() -> Written:
            if self.marks and not prompt:
                return self._with_marks(turns, tools, options)
            return Written(
                self._tokenizer.apply_chat_template(
                    list(turns),
                    tools=tools,
                    tokenize=False,
                    add_generation_prompt=prompt,
                    **options,
                )
            )

        try:
            return self._deadline.call(write)
        except OverrunError:
            raise DataError(
                f"the chat template has not written a chat after {SECONDS:g} seconds; it may loop "
                "for ever, so correct it, or set data.template to another template"
            ) from None
        except Exception as error:  # a template is a program and can raise anything
            raise UnfitError(Step.REFUSED, said(error)) from error

    def _with_marks(
        self, turns: Sequence[Turn], tools: list[object] | None, options: Mapping[str, bool]
    ) -> Written:
        from transformers.utils.chat_template_utils import render_jinja_template

        (text,), (spans,) = render_jinja_template(
            conversations=[list(turns)],
            tools=tools,
            chat_template=self._tokenizer.get_chat_template(tools=tools),
            return_assistant_tokens_mask=True,
            add_generation_prompt=False,
            **{**self._tokenizer.special_tokens_map, **options},
        )
        return Written(text, tuple(Span(*span) for span in spans if span[1] > span[0]))

"""Prompts of a measured set with what a lookup finds for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trainables.core.lookup import Lookup
from trainables.data.making.prompts import prompts, taken
from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.fitting import filled
from trainables.data.retrieval.library import Library
from trainables.data.retrieval.ranking import Embed
from trainables.data.tokens.prompts import Asked, Prompt
from trainables.data.tokens.tokenizer import Tokenizer


class LookedUpPrompts:
    """The prompts `own` of a set, whose chats are `chats`, with what `lookup` finds.

    A prompt has at most `room` tokens (None: any number), so that some may get fewer pieces.
    """

    def __init__(
        self,
        own: Asked,
        chats: Sequence[Conversation],
        library: Library,
        lookup: Lookup,
        tokenizer: Tokenizer,
        room: int | None,
        embed: Embed | None = None,
    ) -> None:
        self._own = own
        self._chats = chats
        self._library = library
        self._lookup = lookup
        self._tokenizer = tokenizer
        self._room = room
        self._embed = embed
        self.stops = own.stops

    def chosen(self, most: int, seed: int, texts: Sequence[str] = ()) -> list[int]:
        """The numbers of the same prompts as without a lookup."""
        return self._own.chosen(most, seed, texts)

    def asked(self, numbers: Sequence[int]) -> dict[int, Prompt]:
        """These prompts, by number; the questions as they were."""
        plain = self._own.asked(numbers)
        chats = [self._chats[number] for number in numbers]
        made, counts = self.with_pieces(chats)
        return {
            number: replace(plain[number], tokens=prompt.tokens, looked_up=count)
            for number, prompt, count in zip(numbers, made, counts, strict=True)
        }

    def with_pieces(self, chats: Sequence[Conversation]) -> tuple[list[Prompt], list[int]]:
        """The prompts of any chats, and the number of pieces in each; DataError if the template
        refuses one without any."""
        pieces = list(self._library.found(chats, self._lookup, self._embed))
        made, counts = filled(
            chats,
            pieces,
            self._lookup.layout,
            lambda some: taken(some, self._tokenizer),
            self._fits,
        )
        for chat, prompt in zip(chats, made, strict=True):
            if prompt is None:
                prompts([chat], self._tokenizer)  # says why
        return [prompt for prompt in made if prompt is not None], counts

    def _fits(self, prompt: Prompt | None) -> bool:
        return prompt is not None and (self._room is None or len(prompt.tokens) <= self._room)

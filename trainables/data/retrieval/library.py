"""Examples and passages found for chats; what was indexed is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice

from trainables.core.lookup import Lookup
from trainables.data.records.conversation import Conversation
from trainables.data.retrieval.enriched import with_examples, with_passages
from trainables.data.retrieval.own import has_same_tools, is_own
from trainables.data.retrieval.passages import passages
from trainables.data.retrieval.ranking import Bm25, Dense, Embed, Ranking, Shuffled
from trainables.data.tokens.tokenizer import Tokenizer

Piece = Conversation | str
"""An example, or a passage."""


class Library:
    """The training examples, and the texts of `data.knowledge`; both are read at first use."""

    def __init__(
        self,
        examples: Callable[[], Sequence[Conversation]],
        texts: Callable[[], Sequence[str]],
        tokenizer: Tokenizer,
        seed: int,
    ) -> None:
        self._read_examples = examples
        self._read_texts = texts
        self._tokenizer = tokenizer
        self._seed = seed
        self._passages: dict[tuple[int, float], tuple[str, ...]] = {}
        self._rankings: dict[tuple[object, ...], Ranking] = {}

    @cached_property
    def examples(self) -> Sequence[Conversation]:
        """The training examples."""
        return self._read_examples()

    @cached_property
    def _texts(self) -> Sequence[str]:
        return self._read_texts()

    def passages(self, lookup: Lookup) -> tuple[str, ...]:
        """The passages in which a lookup searches."""
        key = lookup.chunk_tokens, lookup.overlap
        if key not in self._passages:
            self._passages[key] = passages(self._texts, self._tokenizer, *key)
        return self._passages[key]

    def found(
        self,
        chats: Sequence[Conversation],
        lookup: Lookup,
        embed: Embed | None = None,
        learned: bool = False,
    ) -> Iterator[list[Piece]]:
        """At most `lookup.count` pieces for each chat, the best first.

        `embed` is needed for the retriever `dense`. For chats to be `learned`, pieces with their
        own answer are left out; in a measurement, that would use what the answer should be.
        """
        pieces: Sequence[Piece]
        pieces = self.examples if lookup.source == "examples" else self.passages(lookup)
        ranking = self._ranking(lookup, pieces, embed)
        orders = ranking.orders([chat.question for chat in chats], embed)
        for chat, order in zip(chats, orders, strict=True):
            ranked = (pieces[place] for place in order if has_same_tools(chat, pieces[place]))
            others = (piece for piece in ranked if not (learned and is_own(chat, piece)))
            yield list(islice(others, lookup.count))

    def _ranking(self, lookup: Lookup, pieces: Sequence[Piece], embed: Embed | None) -> Ranking:
        texts = [piece if isinstance(piece, str) else piece.question for piece in pieces]
        key = lookup.source, lookup.retriever, lookup.encoder, lookup.chunk_tokens, lookup.overlap
        if key not in self._rankings:
            self._rankings[key] = self._ranked(lookup, texts, embed)
        return self._rankings[key]

    def _ranked(self, lookup: Lookup, texts: Sequence[str], embed: Embed | None) -> Ranking:
        match lookup.retriever:
            case "random":
                return Shuffled(len(texts), self._seed)
            case "bm25":
                return Bm25(texts)
            case "dense":
                assert embed is not None, "dense compares embeddings"
                return Dense(texts, embed)


def enriched(chat: Conversation, pieces: Sequence[Piece], layout: str) -> Conversation:
    """The chat with examples before its question, or passages in it."""
    passages = [piece for piece in pieces if isinstance(piece, str)]
    examples = [piece for piece in pieces if isinstance(piece, Conversation)]
    return with_examples(with_passages(chat, passages, layout), examples)

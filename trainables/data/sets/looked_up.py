"""Sets whose prompts hold what is looked up for them (`data.retrieve`)."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.config.data import DataConfig
from trainables.data.making.answers import answers
from trainables.data.records.conversation import Conversation
from trainables.data.rendering.rendering import Rendered, render
from trainables.data.retrieval.fitting import filled
from trainables.data.retrieval.library import Library
from trainables.data.sets.shares import Shares, Sides
from trainables.data.tokens.items import Item
from trainables.data.tokens.tokenizer import Tokenizer


def chats_of(items: Sequence[Item]) -> list[Conversation]:
    """The chats of a set, once each: a chat may have several examples."""
    return list({id(item.chat): item.chat for item in items if item.chat}.values())


def looked_up(
    shares: Shares[Item],
    data: DataConfig,
    texts: Sequence[str],
    tokenizer: Tokenizer,
    length: int,
) -> Shares[Item]:
    """The same sets, made anew from chats with passages of `texts`, or with training examples.

    It happens after the split, so that examples are those of the training set. A training chat
    never gets its own answer (see retrieval/own.py).
    """
    assert data.retrieve is not None, "asked for"
    chats = Sides(*map(chats_of, shares.sides))
    library = Library(lambda: chats.train, lambda: texts, tokenizer, data.seed)
    sides, counts = [], []
    for name, each in chats._asdict().items():
        chats_of_side, found = _filled(
            each, data, library, tokenizer, length, learned=name == "train"
        )
        sides.append(list(answers(chats_of_side, tokenizer, length).items))
        counts += found
    return shares._replace(sides=Sides(*sides), notes=(*shares.notes, _note(data, counts)))


def _filled(
    chats: Sequence[Conversation],
    data: DataConfig,
    library: Library,
    tokenizer: Tokenizer,
    length: int,
    learned: bool,
) -> tuple[list[Conversation], list[int]]:
    """The chats with as many pieces as fit, and the number of pieces in each."""
    assert data.retrieve is not None, "asked for"
    lookup = data.retrieve.lookup
    pieces = list(library.found(chats, lookup, learned=learned))

    def make(some: Sequence[Conversation]) -> list[tuple[Conversation, Rendered]]:
        return list(zip(some, render(some, tokenizer), strict=True))

    def fits(made: tuple[Conversation, Rendered]) -> bool:
        rendered = made[1]
        longest = max((len(each.tokens) for each in rendered.sequences), default=0)
        return rendered.fault is None and longest <= length

    made, counts = filled(chats, pieces, lookup.layout, make, fits)
    return [chat for chat, _ in made], counts


def _note(data: DataConfig, counts: Sequence[int]) -> str:
    assert data.retrieve is not None, "asked for"
    what = "examples" if data.retrieve.source == "examples" else "passages"
    fewer = sum(count < data.retrieve.count for count in counts)
    mean = sum(counts) / len(counts)
    note = f"data.retrieve: {mean:.1f} {what} in a prompt on average"
    if fewer:
        note += (
            f"; {fewer:,} of {len(counts):,} prompts have fewer than {data.retrieve.count}: no "
            "more are found, or fit max_length"
        )
    return note

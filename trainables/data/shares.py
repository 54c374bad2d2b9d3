"""How the records of a trial's files are shared out among train, validation and test set."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from trainables.data.blocks import blocks, tokenise
from trainables.data.items import Item, key
from trainables.data.sequences import TokenSequence
from trainables.data.split import duplicates, hold_out
from trainables.data.tokenizer import Tokenizer
from trainables.data_config import DataConfig

T = TypeVar("T")

ENOUGH_DOCUMENTS = 10
"""Whole documents are held out where each held-out set would get this many; else, blocks."""


class Sides(NamedTuple, Generic[T]):
    """Something for each of the three sets."""

    train: T
    validation: T
    test: T


class Shares(NamedTuple, Generic[T]):
    """The sets, how many records repeat another one, and what the owner should know of it."""

    sides: Sides[list[T]]
    duplicates: int
    notes: tuple[str, ...]


def share_items(files: Sides[list[Item]], data: DataConfig) -> Shares[Item]:
    """The items of the files; a set without a file is held out of the train files' items."""
    places = hold_out(
        [item.group for item in files.train],
        _fraction(data.validation),
        _fraction(data.test),
        data.seed,
        strata=[item.stratum for item in files.train],
    )
    taken = ([files.train[place] for place in side] for side in places)
    sides = Sides(*(own or held for own, held in zip(([], *files[1:]), taken, strict=True)))
    groups = Sides(*([item.group for item in side] for side in files))
    repeated = duplicates([item.identity for side in files for item in side])
    return Shares(sides, repeated, _overlaps(groups))


def share_documents(
    texts: Sides[list[str]], data: DataConfig, tokenizer: Tokenizer, length: int
) -> Shares[TokenSequence]:
    """Blocks of `length` tokens; what is held out are whole documents where there are enough."""
    fractions = [f for f in map(_fraction, (data.validation, data.test)) if f is not None]
    whole = all(len(set(texts.train)) * each >= ENOUGH_DOCUMENTS for each in fractions)
    documents = Sides(*(tokenise(side, tokenizer) for side in texts))
    units = documents.train if whole else blocks(documents.train, length)
    keys: list[Hashable] = list(texts.train if whole else map(key, units))
    places = hold_out(
        keys,
        _fraction(data.validation),
        _fraction(data.test),
        data.seed,
        weights=[len(unit.tokens) for unit in units] if whole else None,
    )
    taken = ([units[place] for place in side] for side in places)
    cut = (blocks(part, length) if whole else part for part in taken)
    own = ([], *(blocks(side, length) for side in documents[1:]))
    sides = Sides(*(mine or held for mine, held in zip(own, cut, strict=True)))
    repeated = duplicates([*keys, *texts.validation, *texts.test])
    unit = "whole documents" if whole else "blocks of the text"
    notes = (f"{unit} are held out",) if fractions else ()
    return Shares(sides, repeated, (*_overlaps(texts), *notes))


def _fraction(held_out: str | float | None) -> float | None:
    return held_out if isinstance(held_out, float) else None


def _overlaps(keys: Sides[list[T]]) -> tuple[str, ...]:
    known = set(keys.train)
    notes = []
    for side in ("validation", "test"):
        held_out: list[T] = getattr(keys, side)
        shared = sum(each in known for each in held_out)
        if shared:
            notes.append(
                f"{shared:,} of {len(held_out):,} {side} records are in the train files as well"
            )
    return tuple(notes)

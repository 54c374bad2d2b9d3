"""Split of the records of a trial's files into train, validation and test set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

from trainables.config.data import DataConfig
from trainables.core.progress import Gauge
from trainables.data.making.blocks import blocks, tokenise
from trainables.data.sets.overlap import Overlap
from trainables.data.sets.split import duplicates, hold_out
from trainables.data.tokens.items import Item, key
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

ENOUGH_DOCUMENTS = 10
"""Minimum documents in each held-out set for holding out whole documents; else, blocks."""


class Sides(NamedTuple, Generic[T]):
    """A value for each of the three sets."""

    train: T
    validation: T
    test: T


class Shares(NamedTuple, Generic[T]):
    """The sets, the number of repeated records, the held-out sets' overlaps with the train files,
    and notes for the user."""

    sides: Sides[list[T]]
    duplicates: int
    overlaps: Mapping[str, Overlap]
    notes: tuple[str, ...] = ()


def share_items(files: Sides[list[Item]], data: DataConfig) -> Shares[Item]:
    """The items of the files; a set without files is held out of the train files' items."""
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
    texts: Sides[list[str]], data: DataConfig, tokenizer: Tokenizer, length: int, gauge: Gauge
) -> Shares[TokenSequence]:
    """Blocks of `length` tokens; whole documents are held out if there are enough.

    The gauge counts documents.
    """
    fractions = [f for f in map(_fraction, (data.validation, data.test)) if f is not None]
    whole = all(len(set(texts.train)) * each >= ENOUGH_DOCUMENTS for each in fractions)
    documents = Sides(*(tokenise(side, tokenizer, gauge) for side in texts))
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
    return Shares(sides, repeated, _overlaps(texts), notes)


def _fraction(held_out: str | float | None) -> float | None:
    return held_out if isinstance(held_out, float) else None


def _overlaps(keys: Sides[list[K]]) -> dict[str, Overlap]:
    """Non-zero overlaps of held-out sets with the train files."""
    found = {
        "validation": Overlap.of(keys.validation, keys.train),
        "test": Overlap.of(keys.test, keys.train),
    }
    return {name: overlap for name, overlap in found.items() if overlap.shared}

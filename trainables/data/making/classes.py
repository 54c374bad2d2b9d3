"""Examples of classification: a text that ends in eos, and the index of its class."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from trainables.core.data_error import DataError, listing
from trainables.data.making.blocks import tokenise
from trainables.data.records.records import Labelled
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, digest, usable
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.tokenizer import Tokenizer

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


UNKNOWN = "unknown label"


def class_names(
    train: Iterable[Labelled], held_out: Iterable[Labelled], skip: bool = False
) -> tuple[str, ...]:
    """The names of all classes, in numerical order if all are numbers, else alphabetically.

    DataError if there is only one class, or a held-out label is not in the train files (unless such
    records are skipped: see `labelled`).
    """
    names = {record.label for record in train if record.reason_to_drop() is None}
    for record in held_out if not skip else ():
        if record.reason_to_drop() is None and record.label not in names:
            raise DataError(
                f"{record.where}: label {record.label!r} is not among those of the train files "
                f"({listing(_ordered(names), 10)}); correct it, or add training records for it; "
                "--skip-bad-rows skips such rows"
            )
    if len(names) == 1:
        raise DataError(
            f"data.train: all records have the label {next(iter(names))!r}; classification needs "
            "two classes at least, so add records of another, or name another column as label"
        )
    return tuple(_ordered(names))


def labelled(
    records: Sequence[Labelled], names: Sequence[str], tokenizer: Tokenizer, length: int
) -> Made:
    """Texts cut to `length` tokens, including a final eos. Equal texts stay on one side.

    Records with a label outside `names` are dropped.
    """
    useful, drops = usable(records)
    index = {name: place for place, name in enumerate(names)}
    kept = [record for record in useful if record.label in index]
    drops += [Drop(UNKNOWN, record.where) for record in useful if record.label not in index]
    items = []
    for record, whole in zip(kept, tokenise([each.text for each in kept], tokenizer), strict=True):
        tokens = _cut(whole, length)
        place = index[record.label]
        sequence = TokenSequence(tokens, np.zeros(len(tokens), dtype=np.bool_))
        example = Example((sequence,), float(place), record.weight)
        group = digest(tokens.tobytes())
        identity = digest(group, str(place).encode())
        cut = len(whole.tokens) > length
        items.append(Item(example, identity, group, record.where, stratum=place, cut=cut))
    return Made(tuple(items), tuple(drops))


def _ordered(names: Iterable[str]) -> list[str]:
    listed = sorted(names)
    numeric = all(_NUMBER.fullmatch(name) for name in listed)
    return sorted(listed, key=float) if numeric else listed


def _cut(whole: TokenSequence, length: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    if len(whole.tokens) <= length:
        return whole.tokens
    return np.append(whole.tokens[: length - 1], whole.tokens[-1])

"""Examples of classification: a text or a pair of texts, and its target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainables.data.making.targets import Targets
from trainables.data.records.records import Labelled
from trainables.data.tokens.examples import Example
from trainables.data.tokens.items import Drop, Item, Made, digest, usable
from trainables.data.tokens.sequences import TokenSequence
from trainables.data.tokens.texts import DECODER, EncodedText, Text, TextForm, encoded
from trainables.data.tokens.tokenizer import Tokenizer

UNKNOWN = "unknown label"


def labelled(
    records: Sequence[Labelled],
    targets: Targets,
    tokenizer: Tokenizer,
    length: int,
    form: TextForm = DECODER,
) -> Made:
    """Texts of at most `length` tokens. Equal texts stay on one side.

    Records with a label outside `targets` are dropped.
    """
    useful, drops = usable(records)
    values = [(record, targets.value(record.label)) for record in useful]
    kept = [(record, value) for record, value in values if value is not None]
    drops += [Drop(UNKNOWN, record.where) for record, value in values if value is None]
    texts = encoded(
        [Text(record.text, record.text_pair) for record, _ in kept], tokenizer, length, form
    )
    items = []
    for (record, value), text in zip(kept, texts, strict=True):
        example = Example((_unscored(text),), value, record.weight, second=text.second)
        group = digest(text.tokens.tobytes(), bytes([text.second > 0]))
        identity = digest(group, np.asarray(value).tobytes())
        stratum = targets.stratum(value)
        items.append(Item(example, identity, group, record.where, stratum=stratum, cut=text.cut))
    return Made(tuple(items), tuple(drops))


def _unscored(text: EncodedText) -> TokenSequence:
    return TokenSequence(text.tokens, np.zeros(len(text.tokens), dtype=np.bool_))

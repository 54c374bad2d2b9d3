"""Tokens of a tokenizer for which the model has no row in its embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trainables.core.data_error import DataError, listing
from trainables.data.tokens.examples import Example
from trainables.data.tokens.tokenizer import Tokenizer, pad_id

_MOST_NAMED = 5


def check_rows(
    sets: Mapping[str, Sequence[Example]],
    tokenizer: Tokenizer,
    rows: int | None,
    new_tokens: Sequence[int],
) -> None:
    """DataError if examples have tokens without a row, other than new ones.

    On a GPU, looking one up ends the process.
    """
    if rows is None:
        return
    for name, examples in sets.items():
        beyond = _beyond(examples, rows) - set(new_tokens)
        if beyond:
            tokens = [repr(tokenizer.convert_ids_to_tokens(each)) for each in sorted(beyond)]
            raise DataError(
                f"model: the tokenizer makes tokens of the {name} set for which the model has no "
                f"embedding ({listing(tokens, _MOST_NAMED)}; the model has {rows:,}); name them in "
                "data.new_tokens to train embeddings for them, or use the model's own tokenizer"
            )


def padding_remarks(tokenizer: Tokenizer, rows: int | None) -> Iterator[str]:
    """A note if padding needs another token than the tokenizer's."""
    own = tokenizer.pad_token_id
    if own is not None and rows is not None and own >= rows:
        used = tokenizer.convert_ids_to_tokens(pad_id(tokenizer, rows))
        yield (
            f"the padding token {tokenizer.convert_ids_to_tokens(own)!r} has no embedding in the "
            f"model, so batches are padded with {used!r}; padding is masked"
        )


def _beyond(examples: Sequence[Example], rows: int) -> set[int]:
    found: set[int] = set()
    for example in examples:
        for sequence in example.sequences:
            found.update(sequence.tokens[sequence.tokens >= rows].tolist())
    return found
